import type { z } from 'zod';
import { formatPath, isMap, type Path } from './path.ts';
import { viewSchema } from './schema.ts';
import { didYouMean } from './suggest.ts';

/** A key that the schema doesn't have: where it is, and the end of the sentence. */
export interface UnknownKey {
  readonly path: Path;
  readonly problem: string;
}

/**
 * Makes `value` what the schema can judge: a section or map that is absent or empty (`pulsar:` with nothing after it)
 * becomes an empty one, so that the defaults inside it apply and what is required inside it is named. Takes out the keys
 * that the schema doesn't know and adds them to `unknown`.
 */
export function normalise(schema: z.core.$ZodType, value: unknown, path: Path, unknown: UnknownKey[]): unknown {
  const node = viewSchema(schema);
  const isEmpty = value === undefined || (value === null && !node.nullable);
  if (node.type === 'section') {
    if (isEmpty && (node.optional || node.fallback !== undefined)) return undefined;
    return isEmpty || isMap(value) ? normaliseSection(node, value ?? {}, path, unknown) : value;
  }
  if (node.type === 'map') {
    if (isEmpty) return node.optional || node.fallback !== undefined ? undefined : {};
    const { element } = node;
    if (!isMap(value) || element === undefined) return value;
    const entries = Object.entries(value);
    return Object.fromEntries(entries.map(([key, entry]) => [key, normalise(element, entry, [...path, key], unknown)]));
  }
  const { element } = node;
  if (node.type === 'list' && Array.isArray(value) && element !== undefined) {
    return value.map((entry: unknown, index) => normalise(element, entry, [...path, index], unknown));
  }
  return value;
}

function normaliseSection(
  node: ReturnType<typeof viewSchema>,
  value: object,
  path: Path,
  unknown: UnknownKey[],
): Record<string, unknown> {
  const section: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(value)) {
    if (node.fields.has(key)) continue;
    if (node.open) section[key] = entry;
    else {
      const at = [...path, key];
      unknown.push({ path: at, problem: `${formatPath(at)}: no such setting${didYouMean(key, node.fields.keys())}` });
    }
  }
  for (const [key, field] of node.fields) {
    const given: unknown = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
    const entry = normalise(field, given, [...path, key], unknown);
    if (entry !== undefined) section[key] = entry;
  }
  return section;
}
