import { describeConfig, z } from '@pharos/config';
import type { JsonSchema } from './json-schema.ts';
import { isSetByChart, services } from './services.ts';

/** What values of their own kinds look like; the limits are checked by the service. */
const kinds: readonly (readonly [start: string, schema: JsonSchema])[] = [
  ['a duration', { anyOf: [{ enum: [0] }, { type: 'string', pattern: '^(0|(\\d+(\\.\\d+)?(ms|s|m|h|d))+)$' }] }],
  ['a size', { type: ['string', 'integer'], pattern: '^\\d+(\\.\\d+)?\\s*(B|KB|MB|GB|KiB|MiB|GiB)?$' }],
  ['a URL', { type: 'string' }],
];

/**
 * The settings of a service as JSON Schema, from the schema that the service itself reads them by. Secrets and what the chart
 * sets are left out, so that they are refused.
 */
export function configSchema(service: z.ZodType): JsonSchema {
  const types = new Map(describeConfig(service).map((setting) => [setting.path, setting]));
  const schema = z.toJSONSchema(service, { io: 'input', unrepresentable: 'any', target: 'draft-7' }) as JsonSchema;
  return tidy(schema, '');

  function tidy(node: JsonSchema, path: string): JsonSchema {
    const { $schema: _, default: _default, required, ...rest } = node;
    const setting = types.get(path);
    const kind = setting === undefined ? undefined : kinds.find(([start]) => setting.type.startsWith(start));
    if (kind !== undefined)
      return { ...(node.description === undefined ? {} : { description: node.description }), ...kind[1] };
    if (node.properties === undefined) {
      return node.items === undefined ? rest : { ...rest, items: tidy(node.items, `${path}.<index>`) };
    }
    const properties = Object.entries(node.properties).flatMap(([key, inner]) => {
      const below = path === '' ? key : `${path}.${key}`;
      const isSecret = types.get(below)?.envFile !== undefined;
      return isSecret || isSetByChart(below) ? [] : [[key, tidy(inner, below)] as const];
    });
    // Sections are filled with their defaults; of what a list has, an element is to be complete.
    const isElement = path.endsWith('<index>') && required !== undefined;
    const needed = required?.filter((key) => types.get(`${path}.${key}`)?.required === true) ?? [];
    return {
      ...rest,
      properties: Object.fromEntries(properties),
      ...(isElement ? { required: needed } : {}),
    };
  }
}

/** What any of the services takes. */
export function sharedConfigSchema(): JsonSchema {
  return Object.values(services).map(configSchema).reduce(union);
}

function union(a: JsonSchema, b: JsonSchema): JsonSchema {
  if (a.properties === undefined || b.properties === undefined) return a;
  const properties = { ...a.properties };
  for (const [key, inner] of Object.entries(b.properties)) {
    const other = properties[key];
    properties[key] = other === undefined ? inner : union(other, inner);
  }
  return { ...a, properties };
}

/** Without what only a reader needs: the shared schema has it already. */
export function withoutDescriptions(schema: JsonSchema): JsonSchema {
  const { description: _, ...rest } = schema;
  return {
    ...rest,
    ...(schema.items === undefined ? {} : { items: withoutDescriptions(schema.items) }),
    ...(schema.properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(schema.properties).map(([key, inner]) => [key, withoutDescriptions(inner)]),
          ),
        }),
  };
}
