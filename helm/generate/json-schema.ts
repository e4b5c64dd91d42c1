/** The part of JSON Schema (draft 7) that the chart uses, and short ways to write it. */
export interface JsonSchema {
  $schema?: string;
  $ref?: string;
  title?: string;
  description?: string;
  type?: string | readonly string[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  required?: readonly string[];
  items?: JsonSchema;
  minItems?: number;
  enum?: readonly (string | number | boolean | null)[];
  anyOf?: readonly JsonSchema[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  default?: unknown;
  definitions?: Record<string, JsonSchema>;
}

/** Takes these keys and no others. */
export function section(properties: Record<string, JsonSchema>): JsonSchema {
  return { type: 'object', properties, additionalProperties: false };
}

/** Whatever Kubernetes has for it. */
export const open: JsonSchema = { type: 'object' };
export const texts: JsonSchema = { type: 'object', additionalProperties: { type: 'string' } };
export const text: JsonSchema = { type: 'string' };
export const flag: JsonSchema = { type: 'boolean' };

export function whole(minimum: number, maximum?: number): JsonSchema {
  return { type: 'integer', minimum, ...(maximum === undefined ? {} : { maximum }) };
}

export function list(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

export function choice(...values: string[]): JsonSchema {
  return { type: 'string', enum: values };
}

export function matching(pattern: string): JsonSchema {
  return { type: 'string', pattern };
}
