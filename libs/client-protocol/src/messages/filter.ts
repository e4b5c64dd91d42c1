/** A condition on a publication's tags; a tree. Operator and comparison are checked where the filter is compiled. */
export interface FilterNode {
  /** Empty: a leaf that compares; else `and`, `or`, `not` over `nodes`. */
  readonly op: string;
  /** Name of the tag. */
  readonly key: string;
  /** `eq` `neq` `in` `nin` `ex` `nex` `sw` `ew` `ct` `lt` `lte` `gt` `gte`. */
  readonly cmp: string;
  readonly val: string;
  readonly vals: readonly string[];
  readonly nodes: readonly FilterNode[];
}
