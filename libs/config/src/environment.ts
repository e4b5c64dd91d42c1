import type { z } from 'zod';
import { ConfigError } from './errors.ts';
import { readTextFile } from './file.ts';
import { formatPath, isMap, type Path } from './path.ts';
import { holdsSecret, type SchemaNode, viewSchema } from './schema.ts';
import { didYouMean } from './suggest.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that has a variable of its own. */
export interface Leaf {
  readonly path: readonly string[];
  readonly variable: string;
  /** Names a file whose text is the value: where that is or holds a secret, and the name isn't another setting's. */
  readonly fileVariable: string | undefined;
  readonly node: SchemaNode;
}

/** All settings that the environment can give, in the schema's order. Sections have none of their own; a map is one leaf. */
export function leavesOf(schema: z.core.$ZodType, prefix: string): Leaf[] {
  const leaves = leavesAt(schema, prefix, []);
  const taken = new Set(leaves.map((leaf) => leaf.variable));
  return leaves.map((leaf) => {
    const isTaken = leaf.fileVariable !== undefined && taken.has(leaf.fileVariable);
    return isTaken ? { ...leaf, fileVariable: undefined } : leaf;
  });
}

function leavesAt(schema: z.core.$ZodType, prefix: string, path: readonly string[]): Leaf[] {
  const node = viewSchema(schema);
  if (node.type === 'section')
    return [...node.fields].flatMap(([key, field]) => leavesAt(field, prefix, [...path, key]));
  const variable = variableName(prefix, path);
  return [{ path, variable, fileVariable: holdsSecret(schema) ? `${variable}_FILE` : undefined, node }];
}

export function variableName(prefix: string, path: readonly string[]): string {
  return prefix + path.join('_').toUpperCase().replaceAll('-', '_');
}

/** Throws where two settings would share a variable: neither could be set without the other. */
export function refuseSharedVariables(leaves: readonly Leaf[]): void {
  const owners = new Map<string, Leaf>();
  const problems: string[] = [];
  for (const leaf of leaves) {
    const owner = owners.get(leaf.variable);
    owners.set(leaf.variable, leaf);
    if (owner !== undefined) {
      problems.push(`${formatPath(owner.path)} and ${formatPath(leaf.path)} share the variable ${leaf.variable}`);
    }
  }
  if (problems.length > 0) throw new ConfigError('invalid-schema', problems);
}

/** What the environment adds to a configuration. */
export interface EnvironmentValues {
  readonly problems: readonly string[];
  /** The variables that were used, by the formatted path of what they set. */
  readonly sources: ReadonlyMap<string, string>;
}

/** Puts what the environment sets into `tree`. An empty variable counts as not set: that is how compose files and charts leave one out. */
export function applyEnvironment(
  tree: Record<string, unknown>,
  leaves: readonly Leaf[],
  env: Environment,
): EnvironmentValues {
  const problems: string[] = [];
  const sources = new Map<string, string>();
  for (const leaf of leaves) {
    const given = textOf(leaf, env);
    if (given === undefined) continue;
    sources.set(formatPath(leaf.path), given.variable);
    const parsed = 'problem' in given ? given : parseText(leaf.node, given.text);
    if ('problem' in parsed) {
      problems.push(`${formatPath(leaf.path)}: ${parsed.problem} (${given.variable})`);
      // Left out of the tree: one mistake is not to be told twice.
      sources.delete(formatPath(leaf.path));
    } else setIn(tree, leaf.path, parsed.value);
  }
  return { problems, sources };
}

type Given = { readonly variable: string } & ({ readonly text: string } | { readonly problem: string });

/** What the environment has for a setting: itself, or in the file that it names. A file's last line break isn't part of it. */
function textOf(leaf: Leaf, env: Environment): Given | undefined {
  const { variable, fileVariable } = leaf;
  const text = env[variable] ?? '';
  const file = fileVariable === undefined ? '' : (env[fileVariable] ?? '');
  if (fileVariable === undefined || file === '') return text === '' ? undefined : { variable, text };
  if (text !== '') return { variable, problem: `is given twice, expected one of ${variable} and ${fileVariable}` };
  const read = readTextFile(file);
  if ('failure' in read) return { variable: fileVariable, problem: `${file} cannot be read (${read.failure})` };
  const value = read.text.replace(/\r?\n$/, '');
  return value === ''
    ? { variable: fileVariable, problem: `${file} is empty, expected ${leaf.node.expected}` }
    : { variable: fileVariable, text: value };
}

/** Names the variables that start with the prefix and set nothing. */
export function unknownVariables(
  env: Environment,
  prefix: string,
  leaves: readonly Leaf[],
  reserved: readonly string[],
): string[] {
  const known = new Set(leaves.flatMap((leaf) => [leaf.variable, leaf.fileVariable ?? leaf.variable]));
  const isReserved = (name: string): boolean =>
    reserved.some((entry) => (entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : name === entry));
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && env[name] !== undefined && !known.has(name))
    .filter((name) => !isReserved(name) && !isKubernetesServiceLink(name))
    .sort()
    .map((name) => `${name}: no such setting${didYouMean(name, known)}`);
}

/**
 * Kubernetes puts `<SERVICE>_SERVICE_HOST`, `<SERVICE>_PORT_80_TCP_ADDR` and so on into every pod for each Service of the
 * namespace; with a Service called `pharos-edge` they start with our prefix and must not stop a pod from starting.
 */
function isKubernetesServiceLink(name: string): boolean {
  return /_(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/.test(name);
}

type Parsed = { readonly value: unknown } | { readonly problem: string };

/** Text to what YAML would have given. What isn't of the type stays text, so that the schema names the mistake. */
function parseText(node: SchemaNode, text: string): Parsed {
  switch (node.type) {
    case 'number':
      return { value: /^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : text };
    case 'boolean':
      return { value: BOOLEANS.get(text.trim().toLowerCase()) ?? text };
    case 'list':
      return parseList(node, text);
    case 'map':
    case 'other':
      return parseJson(text, node.expected);
    default:
      return { value: text };
  }
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

function parseList(node: SchemaNode, text: string): Parsed {
  const element = node.element === undefined ? undefined : viewSchema(node.element);
  const holdsMaps = element?.type === 'section' || element?.type === 'map' || element?.type === 'list';
  if (holdsMaps || text.trimStart().startsWith('[')) return parseJson(text, node.expected);
  const values: unknown[] = [];
  for (const part of text.split(',')) {
    const item = element === undefined ? { value: part.trim() } : parseText(element, part.trim());
    if ('problem' in item) return item;
    values.push(item.value);
  }
  return { value: values };
}

function parseJson(text: string, expected: string): Parsed {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    // JSON.parse quotes the text in its message, and the text may hold a secret.
    return { problem: `found a text that is not JSON, expected ${expected} written as JSON` };
  }
}

function setIn(tree: Record<string, unknown>, path: Path, value: unknown): void {
  let current = tree;
  for (const key of path.slice(0, -1).map(String)) {
    const next = Object.hasOwn(current, key) ? current[key] : undefined;
    if (isMap(next)) current = next;
    else if (next === undefined || next === null) {
      const section: Record<string, unknown> = {};
      current[key] = section;
      current = section;
    } else return; // The file has a scalar where a section belongs; the schema will say so.
  }
  current[String(path.at(-1))] = value;
}
