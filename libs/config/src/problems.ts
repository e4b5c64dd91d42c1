import type { z } from 'zod';
import { formatPath, type Path, valueAt } from './path.ts';
import { isSecretAt, schemaAt, viewSchema } from './schema.ts';

/** What a mistake is described from. */
export interface ProblemContext {
  readonly schema: z.core.$ZodType;
  readonly tree: unknown;
  /** The variable, or the file and line, that gave the value at a path; undefined where nothing gave it. */
  readonly source: (path: Path) => string | undefined;
  /** How to set what is missing: `in pharos.yaml or by PHAROS_X`. */
  readonly remedy: (path: Path) => string;
}

/** One line: path, what was found, what is expected, where. */
export function describeIssue(issue: z.core.$ZodIssue, context: ProblemContext): string {
  const name = issue.path.length === 0 ? 'configuration' : formatPath(issue.path);
  const value = valueAt(context.tree, issue.path);
  const expected = expectationOf(issue, context.schema);
  if (value === undefined && issue.code !== 'custom') {
    return `${name}: is missing, ${expected}; set it ${context.remedy(issue.path)}`;
  }
  const source = context.source(issue.path);
  const place = source === undefined ? '' : ` (${source})`;
  if (issue.code === 'invalid_key') return `${name}: not a name that can be used here, ${expected}${place}`;
  return `${name}: found ${show(value, isSecretAt(context.schema, issue.path))}, ${expected}${place}`;
}

/** The value as a message may show it: never a secret, never a whole map, never a password inside a URL, never long. */
export function show(value: unknown, isSecret: boolean): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return 'a map';
  if (value === '') return 'an empty text';
  if (isSecret) return 'a value that is not shown here';
  if (typeof value !== 'string') return JSON.stringify(value);
  const text = value.replace(/\/\/[^/@\s]*@/g, '//***@');
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

function expectationOf(issue: z.core.$ZodIssue, schema: z.core.$ZodType): string {
  if (issue.code === 'invalid_key') {
    const inner = issue.issues.map((entry) => entry.message).filter((message) => !isStock(message));
    return inner.length > 0 ? inner.join(', ') : 'expected another name';
  }
  if (issue.code === 'custom' || !isStock(issue.message)) return issue.message;
  const at = schemaAt(schema, issue.path);
  return `expected ${at === undefined ? 'another value' : viewSchema(at).expected}`;
}

/** Whether zod wrote the message, which then says less than the schema does. */
function isStock(message: string): boolean {
  return /^(?:Invalid|Too (?:small|big)|Unrecognized)\b/.test(message);
}
