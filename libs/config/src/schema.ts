import type { z } from 'zod';
import { isMarkedSecret, kindOf, type KindInfo } from './kinds.ts';

type Schema = z.core.$ZodType;

/** The part of zod's schema definitions that configuration schemas use. */
interface Definition {
  readonly type: string;
  readonly innerType?: Schema;
  readonly in?: Schema;
  readonly out?: Schema;
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly catchall?: Schema;
  readonly element?: Schema;
  readonly valueType?: Schema;
  readonly options?: readonly Schema[];
  readonly entries?: Readonly<Record<string, string | number>>;
  readonly values?: readonly unknown[];
  readonly defaultValue?: unknown;
  readonly format?: string;
  readonly checks?: readonly { readonly _zod: { readonly def: CheckDefinition } }[];
}

interface CheckDefinition {
  readonly check: string;
  readonly format?: string;
  readonly value?: unknown;
  readonly inclusive?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
}

export type NodeType =
  | 'section'
  | 'map'
  | 'list'
  | 'number'
  | 'boolean'
  | 'string'
  | 'choice'
  | 'union'
  | 'other'
  | KindInfo['kind'];

/** One node of a configuration schema, seen through its wrappers (default, optional, description, transform). */
export interface SchemaNode {
  readonly type: NodeType;
  /** Ends the sentence "expected …". */
  readonly expected: string;
  readonly description: string | undefined;
  readonly secret: boolean;
  readonly optional: boolean;
  readonly nullable: boolean;
  /** Present where the schema has a default; `value` may be in output form (milliseconds) or input form (`25s`). */
  readonly fallback: { readonly value: unknown } | undefined;
  /** The keys of a section. */
  readonly fields: ReadonlyMap<string, Schema>;
  /** Whether a section takes keys that it doesn't name. */
  readonly open: boolean;
  /** The schema of a map's values or a list's elements. */
  readonly element: Schema | undefined;
  /** The alternatives of a union. */
  readonly alternatives: readonly Schema[];
}

const NO_FIELDS: ReadonlyMap<string, Schema> = new Map();

export function viewSchema(schema: Schema): SchemaNode {
  let current = schema;
  let description: string | undefined;
  let fallback: SchemaNode['fallback'];
  let optional = false;
  let nullable = false;
  let secret = false;
  for (;;) {
    description ??= (current as z.ZodType).description;
    secret ||= isMarkedSecret(current);
    const definition = definitionOf(current);
    if (kindOf(current) !== undefined) break;
    if (definition.type === 'default' || definition.type === 'prefault')
      fallback ??= { value: definition.defaultValue };
    if (definition.type === 'optional') optional = true;
    if (definition.type === 'nullable') nullable = true;
    const inner = definition.innerType ?? throughPipe(definition);
    if (inner === undefined) break;
    current = inner;
  }
  const definition = definitionOf(current);
  const kind = kindOf(current);
  const type = kind?.kind ?? nodeType(definition);
  return {
    type,
    expected: kind?.expected ?? expectation(type, definition),
    description,
    secret,
    optional,
    nullable,
    fallback,
    fields: type === 'section' ? new Map(Object.entries(definition.shape ?? {})) : NO_FIELDS,
    open: definition.catchall !== undefined && definitionOf(definition.catchall).type !== 'never',
    element: type === 'map' ? definition.valueType : type === 'list' ? definition.element : undefined,
    alternatives: type === 'union' ? (definition.options ?? []) : [],
  };
}

/** The schema of what lies at `path`, or undefined where the schema says nothing of it. */
export function schemaAt(root: Schema, path: readonly PropertyKey[]): Schema | undefined {
  let current: Schema | undefined = root;
  for (const key of path) {
    if (current === undefined) return undefined;
    const node = viewSchema(current);
    current = node.type === 'section' ? node.fields.get(String(key)) : node.element;
  }
  return current;
}

/** Whether the node at `path`, one above it or one below it holds a secret: then its value is not to be shown. */
export function isSecretAt(root: Schema, path: readonly PropertyKey[]): boolean {
  for (let length = 0; length < path.length; length++) {
    const above = schemaAt(root, path.slice(0, length));
    if (above !== undefined && viewSchema(above).secret) return true;
  }
  const schema = schemaAt(root, path);
  // Where the schema says nothing, a value may be anything: a secret under a misspelt name, for one.
  return schema === undefined || holdsSecret(schema);
}

/** Whether the value of `schema`, or something in it, is a secret. */
export function holdsSecret(schema: Schema): boolean {
  const node = viewSchema(schema);
  const below = [...node.fields.values(), ...node.alternatives];
  if (node.element !== undefined) below.push(node.element);
  return node.secret || below.some(holdsSecret);
}

/** What was read by the schema, with another text in place of each secret: in lists and maps too. */
export function withoutSecrets(schema: Schema, value: unknown): unknown {
  if (value === undefined || value === null) return value;
  const { secret, type, fields, element } = viewSchema(schema);
  if (secret) return '(secret)';
  if (type === 'list' && element !== undefined && Array.isArray(value)) {
    return value.map((inner) => withoutSecrets(element, inner));
  }
  if ((type !== 'section' && type !== 'map') || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const below = type === 'map' ? element : fields.get(name);
      return [name, below === undefined ? inner : withoutSecrets(below, inner)];
    }),
  );
}

function definitionOf(schema: Schema): Definition {
  return schema._zod.def;
}

/** A transform is read by what goes in; a preprocess, whose inlet is the function itself, by what comes out. */
function throughPipe(definition: Definition): Schema | undefined {
  if (definition.type !== 'pipe' || definition.in === undefined) return undefined;
  return definitionOf(definition.in).type === 'transform' ? definition.out : definition.in;
}

function nodeType(definition: Definition): NodeType {
  switch (definition.type) {
    case 'object':
      return 'section';
    case 'record':
      return 'map';
    case 'array':
      return 'list';
    case 'enum':
    case 'literal':
      return 'choice';
    case 'number':
    case 'boolean':
    case 'string':
    case 'union':
      return definition.type;
    default:
      return 'other';
  }
}

function expectation(type: NodeType, definition: Definition): string {
  switch (type) {
    case 'section':
    case 'map':
      return 'a map';
    case 'list':
      return expectedList(definition);
    case 'boolean':
      return 'true or false';
    case 'choice':
      return `one of ${(definition.values ?? Object.values(definition.entries ?? {})).map(String).join(', ')}`;
    case 'number':
      return expectedNumber(definition);
    case 'string':
      return expectedString(definition);
    case 'union':
      return (definition.options ?? []).map((option) => viewSchema(option).expected).join(', or ');
    default:
      return 'another value';
  }
}

function expectedList(definition: Definition): string {
  const atLeast = lengthCheck(definition, 'min_length')?.minimum;
  return atLeast === undefined || atLeast === 0 ? 'a list' : `a list of at least ${atLeast}`;
}

function expectedNumber(definition: Definition): string {
  const checks = checksOf(definition);
  const whole = checks.some((check) => check.check === 'number_format') || definition.format !== undefined;
  const limits = checks.flatMap((check) => {
    if (check.check === 'greater_than') return [`${check.inclusive ? 'at least' : 'more than'} ${String(check.value)}`];
    if (check.check === 'less_than') return [`${check.inclusive ? 'at most' : 'less than'} ${String(check.value)}`];
    return [];
  });
  return [whole ? 'a whole number' : 'a number', limits.join(' and ')].filter((part) => part !== '').join(', ');
}

function expectedString(definition: Definition): string {
  if (definition.format === 'url') return 'a URL';
  const atLeast = lengthCheck(definition, 'min_length')?.minimum ?? 0;
  const atMost = lengthCheck(definition, 'max_length')?.maximum;
  const limits = [
    ...(atLeast > 1 ? [`at least ${atLeast} characters`] : []),
    ...(atMost === undefined ? [] : [`at most ${atMost} characters`]),
  ];
  return [atLeast > 0 ? 'a non-empty text' : 'a text', limits.join(' and ')].filter((part) => part !== '').join(', ');
}

function lengthCheck(definition: Definition, name: string): CheckDefinition | undefined {
  return checksOf(definition).find((check) => check.check === name);
}

function checksOf(definition: Definition): CheckDefinition[] {
  return (definition.checks ?? []).map((check) => check._zod.def);
}
