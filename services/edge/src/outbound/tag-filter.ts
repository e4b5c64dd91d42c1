import type { FilterNode } from '@pharos/client-protocol';

import { compareDecimals, type Decimal, parseDecimal } from './decimal.ts';

/** What a filter may have: each publication of a channel is held against all filters of its subscribers. */
const maxDepth = 16;
const maxNodes = 256;
const maxBytes = 4 * 1024;

/** Names that begin so are no tags. */
const reservedPrefix = 'pharos-';

export type Tags = ReadonlyMap<string, string>;

/** Why a filter is refused: it makes no sense, or is larger than filters may be. */
export class FilterError extends Error {
  readonly kind: 'invalid' | 'too-large';

  constructor(kind: FilterError['kind'], message: string) {
    super(message);
    this.name = 'FilterError';
    this.kind = kind;
  }
}

/** A condition on publications' tags that some subscribers have. */
export interface TagFilter {
  /** The same for filters that say the same, as far as that is easily seen. */
  readonly canonical: string;
  readonly matches: (tags: Tags) => boolean;
}

/** @throws FilterError */
export function compileFilter(node: FilterNode): TagFilter {
  const bounds = { nodes: 0, bytes: 0 };
  return compile(node, maxDepth, bounds);
}

interface Bounds {
  nodes: number;
  bytes: number;
}

function compile(node: FilterNode, depth: number, bounds: Bounds): TagFilter {
  if (depth === 0) throw new FilterError('too-large', `a filter may be nested ${maxDepth} nodes deep`);
  bounds.nodes++;
  for (const text of [node.key, node.val, ...node.vals]) bounds.bytes += Buffer.byteLength(text);
  if (bounds.nodes > maxNodes || bounds.bytes > maxBytes || node.vals.length > maxNodes) {
    throw new FilterError('too-large', `a filter may have ${maxNodes} nodes and ${maxBytes} bytes of names and values`);
  }
  if (node.op === '') return leaf(node);
  if (node.op !== 'and' && node.op !== 'or' && node.op !== 'not') throw invalid(`no operator is called ${node.op}`);
  const parts = node.nodes.map((each) => compile(each, depth - 1, bounds));
  const [first] = parts;
  if (first === undefined) throw invalid(`${node.op} needs nodes`);
  if (node.op !== 'not') return combine(node.op, parts);
  if (parts.length > 1) throw invalid('not takes one node');
  return { canonical: `not(${first.canonical})`, matches: (tags) => !first.matches(tags) };
}

/** Order and repetition mean nothing. */
function combine(op: 'and' | 'or', parts: readonly TagFilter[]): TagFilter {
  const byForm = new Map(parts.map((part) => [part.canonical, part]));
  const forms = [...byForm.keys()].sort();
  const distinct = [...byForm.values()];
  const [only] = distinct;
  if (only !== undefined && distinct.length === 1) return only;
  const canonical = `${op}(${forms.join()})`;
  if (op === 'and') return { canonical, matches: (tags) => distinct.every((part) => part.matches(tags)) };
  return { canonical, matches: (tags) => distinct.some((part) => part.matches(tags)) };
}

function leaf({ key, cmp, val, vals, nodes }: FilterNode): TagFilter {
  if (nodes.length > 0) throw invalid('a comparison takes no nodes');
  const rule = comparison(cmp, val, vals);
  if (key === '' && cmp !== 'ex' && cmp !== 'nex') throw invalid(`${cmp} needs a key`);
  const operands = cmp === 'in' || cmp === 'nin' ? [...new Set(vals)].sort() : [val];
  const isTag = !key.startsWith(reservedPrefix);
  return {
    canonical: JSON.stringify([cmp, key, ...operands]),
    matches: (tags) => rule(isTag ? tags.get(key) : undefined),
  };
}

/** @returns what a tag's value, undefined where it is missing, must hold */
function comparison(cmp: string, val: string, vals: readonly string[]): (value: string | undefined) => boolean {
  if (cmp === 'in' || cmp === 'nin') {
    if (vals.length === 0 || val !== '') throw invalid(`${cmp} compares with vals, and not with val`);
    const all = new Set(vals);
    // A tag that is missing counts as empty here, as with the official server.
    return cmp === 'in' ? (value) => all.has(value ?? '') : (value) => !all.has(value ?? '');
  }
  if (vals.length > 0) throw invalid(`${cmp} takes no vals`);
  if (cmp === 'ex' || cmp === 'nex') {
    if (val !== '') throw invalid(`${cmp} takes no val`);
    return cmp === 'ex' ? (value) => value !== undefined : (value) => value === undefined;
  }
  if (val === '') throw invalid(`${cmp} needs val`);
  switch (cmp) {
    case 'eq':
      return (value) => value === val;
    case 'neq':
      return (value) => value !== val;
    case 'sw':
      return (value) => value?.startsWith(val) === true;
    case 'ew':
      return (value) => value?.endsWith(val) === true;
    case 'ct':
      return (value) => value?.includes(val) === true;
    case 'lt':
      return numeric(cmp, val, (order) => order < 0);
    case 'lte':
      return numeric(cmp, val, (order) => order <= 0);
    case 'gt':
      return numeric(cmp, val, (order) => order > 0);
    case 'gte':
      return numeric(cmp, val, (order) => order >= 0);
    default:
      throw invalid(`no comparison is called ${cmp}`);
  }
}

function numeric(cmp: string, val: string, holds: (order: number) => boolean): (value: string | undefined) => boolean {
  const bound: Decimal | undefined = parseDecimal(val);
  if (bound === undefined) throw invalid(`${cmp} compares with decimal numbers`);
  return (value) => {
    const number = value === undefined ? undefined : parseDecimal(value);
    return number !== undefined && holds(compareDecimals(number, bound));
  };
}

function invalid(message: string): FilterError {
  return new FilterError('invalid', message);
}
