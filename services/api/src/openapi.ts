import { errorCodes } from '@pharos/client-protocol';

import { batch, methods } from './api.ts';
import type { JsonSchema, Method } from './methods/method.ts';
import { type FieldSpec, type FieldSpecs, type FieldType, overrideOptions } from './params.ts';

const fieldSchemas: Readonly<Record<FieldType, JsonSchema>> = {
  string: { type: 'string' },
  strings: { type: 'array', items: { type: 'string' } },
  boolean: { type: 'boolean' },
  integer: { type: 'integer' },
  json: {},
  base64: { type: 'string', contentEncoding: 'base64' },
  tags: { type: 'object', additionalProperties: { type: 'string' } },
  position: {
    type: 'object',
    properties: { offset: { type: 'integer', minimum: 0 }, epoch: { type: 'string' } },
  },
  disconnect: {
    type: 'object',
    required: ['code'],
    properties: { code: { type: 'integer', minimum: 3000, maximum: 4999 }, reason: { type: 'string' } },
  },
  override: {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(
      overrideOptions.map((name) => [name, { type: 'object', properties: { value: { type: 'boolean' } } }]),
    ),
  },
  commands: { type: 'array', items: { type: 'object', minProperties: 1, maxProperties: 1 } },
};

const schemas: Readonly<Record<string, JsonSchema>> = {
  Error: {
    type: 'object',
    required: ['code', 'message'],
    additionalProperties: false,
    properties: {
      code: {
        oneOf: [
          { type: 'integer', enum: Object.values(errorCodes).map(({ code }) => code) },
          { type: 'integer', minimum: 400, maximum: 1999, description: 'Of the application, by `rpc`.' },
        ],
      },
      message: { type: 'string' },
    },
  },
  PublishResponse: responseSchema({
    type: 'object',
    additionalProperties: false,
    properties: { offset: { type: 'integer' }, epoch: { type: 'string' } },
  }),
  ClientInfo: {
    type: 'object',
    required: ['client', 'user'],
    additionalProperties: false,
    properties: { client: { type: 'string' }, user: { type: 'string' }, conn_info: {}, chan_info: {} },
  },
  Publication: {
    type: 'object',
    required: ['data', 'offset', 'time'],
    additionalProperties: false,
    properties: {
      data: {
        description: 'JSON; text that is none is a string, other bytes are base64 with the tag `pharos-encoding`.',
      },
      info: { $ref: '#/components/schemas/ClientInfo' },
      offset: { type: 'integer' },
      tags: { type: 'object', additionalProperties: { type: 'string' } },
      time: { type: 'integer', description: 'Milliseconds since 1970.' },
    },
  },
};

/** The OpenAPI document, made of what the methods themselves go by. */
export function openApiDocument(version: string): JsonSchema {
  const all = [...methods.values(), batch];
  return {
    openapi: '3.1.0',
    info: {
      title: 'Pharos server API',
      version,
      description:
        'Errors are answered with HTTP status 200; with the header `X-Centrifugo-Error-Mode: transport` with a status that says so. A key that is none is 401 in either case.',
    },
    security: [{ apiKey: [] }, { authorization: [] }],
    paths: Object.fromEntries(all.map((method) => [`/api/${method.name}`, { post: operation(method) }])),
    components: {
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        authorization: { type: 'apiKey', in: 'header', name: 'Authorization', description: '`apikey <key>`' },
      },
      schemas,
    },
  };
}

function operation({ name, summary, scope, fields, result }: Omit<Method, 'run'>): JsonSchema {
  return {
    operationId: name,
    summary,
    description: name === batch.name ? 'Scope of the key: what its commands need.' : `Scope of the key: ${scope}.`,
    requestBody: { required: true, content: { 'application/json': { schema: requestSchema(fields) } } },
    responses: {
      200: {
        description: 'The result, or an error.',
        content: { 'application/json': { schema: responseSchema(result) } },
      },
      401: { description: 'No key, or a wrong one.', content: { 'application/json': { schema: errorSchema } } },
      503: { description: 'Starting, draining or too busy.', content: { 'application/json': { schema: errorSchema } } },
      default: {
        description:
          'With `X-Centrifugo-Error-Mode: transport`: the error, by 400, 401, 403, 404, 413, 416, 429 or 500.',
        content: { 'application/json': { schema: errorSchema } },
      },
    },
  };
}

const errorSchema: JsonSchema = {
  type: 'object',
  required: ['error'],
  additionalProperties: false,
  properties: { error: { $ref: '#/components/schemas/Error' } },
};

function requestSchema(fields: FieldSpecs): JsonSchema {
  const required = Object.entries(fields).filter(([, spec]) => spec.required === true);
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length === 0 ? {} : { required: required.map(([name]) => name) }),
    properties: Object.fromEntries(Object.entries(fields).map(([name, spec]) => [name, fieldSchema(spec)])),
  };
}

function fieldSchema({ type, description }: FieldSpec): JsonSchema {
  return { ...fieldSchemas[type], description };
}

function responseSchema(result: JsonSchema): JsonSchema {
  return {
    oneOf: [
      { type: 'object', required: ['result'], additionalProperties: false, properties: { result } },
      {
        type: 'object',
        required: ['error'],
        additionalProperties: false,
        properties: { error: { $ref: '#/components/schemas/Error' } },
      },
    ],
  };
}
