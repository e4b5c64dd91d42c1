import type { z } from 'zod';
import { normalise, type UnknownKey } from './normalise.ts';
import type { Path } from './path.ts';

/** A setting that a schema doesn't take. */
export interface TreeProblem {
  readonly path: Path;
  /** The schema has no such setting; else it has, and not with this value. */
  readonly unknown: boolean;
}

/** What is wrong with settings that are in memory and not in a file; empty where all is well. */
export function checkTree(schema: z.ZodType, tree: Record<string, unknown>): TreeProblem[] {
  const unknown: UnknownKey[] = [];
  const result = schema.safeParse(normalise(schema, tree, [], unknown));
  const problems = unknown.map(({ path }) => ({ path, unknown: true }));
  const issues = result.success ? [] : result.error.issues.filter(({ code }) => code !== 'unrecognized_keys');
  return [...problems, ...issues.map(({ path }) => ({ path, unknown: false }))];
}
