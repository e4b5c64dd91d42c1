import type { z } from 'zod';
import { type Leaf, leavesOf } from './environment.ts';
import { formatPath } from './path.ts';
import { type SchemaNode, viewSchema } from './schema.ts';
import { formatBytes, formatDuration, formatListenAddress, type ListenAddress } from './units.ts';

/** One setting, for the reference. */
export interface SettingDescription {
  /** `pulsar.admin_url`; inside a map `namespaces.<name>.history_ttl`. */
  readonly path: string;
  /** The variable that sets it; undefined inside a map, which is set as a whole. */
  readonly env: string | undefined;
  /** The variable that names a file with it; undefined where it holds no secret. */
  readonly envFile: string | undefined;
  /** What is expected, in words. */
  readonly type: string;
  /** The default as one would write it; undefined where there is none or where it is a secret. */
  readonly default: string | undefined;
  /** Whether a value must be given. */
  readonly required: boolean;
  /** Whether the value is kept out of messages. */
  readonly secret: boolean;
  readonly description: string;
}

/** Every setting of a schema in its order, sections left out (they hold nothing themselves). */
export function describeConfig(schema: z.ZodType, prefix = 'PHAROS_'): SettingDescription[] {
  const leaves = new Map(leavesOf(schema, prefix).map((leaf) => [formatPath(leaf.path), leaf]));
  return describeAt(schema, [], leaves);
}

function describeAt(
  schema: z.core.$ZodType,
  path: readonly string[],
  leaves: ReadonlyMap<string, Leaf>,
): SettingDescription[] {
  const node = viewSchema(schema);
  if (node.type === 'section') {
    return [...node.fields].flatMap(([key, field]) => describeAt(field, [...path, key], leaves));
  }
  const leaf = leaves.get(formatPath(path));
  const setting: SettingDescription = {
    path: formatPath(path),
    env: leaf?.variable,
    envFile: leaf?.fileVariable,
    type: typeText(node),
    default: node.fallback === undefined || node.secret ? undefined : defaultText(node, node.fallback.value),
    required: node.fallback === undefined && !node.optional && !node.nullable && node.type !== 'map',
    secret: node.secret,
    description: node.description ?? '',
  };
  const { element } = node;
  const holdsSections = element !== undefined && viewSchema(element).type === 'section';
  return holdsSections
    ? [setting, ...describeAt(element, [...path, node.type === 'map' ? '<name>' : '<index>'], leaves)]
    : [setting];
}

function typeText(node: SchemaNode): string {
  const element = node.element === undefined ? undefined : viewSchema(node.element).type;
  const asJson = node.type === 'map' || element === 'section' || element === 'map' || element === 'list';
  if (asJson) return `${node.expected} (JSON in the environment)`;
  return node.type === 'list' ? `${node.expected} (separated by commas in the environment)` : node.expected;
}

function defaultText(node: SchemaNode, value: unknown): string {
  if (node.type === 'duration' && typeof value === 'number') return formatDuration(value);
  if (node.type === 'bytes' && typeof value === 'number') return formatBytes(value);
  if (node.type === 'address' && typeof value === 'object') return formatListenAddress(value as ListenAddress);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
