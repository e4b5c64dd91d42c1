import { type Json, type JsonSchema, type Method } from './method.ts';

const partial = { type: 'boolean', description: 'Not all edges answered in time, or not with everything.' };

function resultOf(name: string, schema: JsonSchema): JsonSchema {
  return { type: 'object', required: [name], additionalProperties: false, properties: { [name]: schema, partial } };
}

function withPartial(name: string, value: Json, isPartial: boolean): Json {
  return `{"${name}":${value}${isPartial ? ',"partial":true' : ''}}`;
}

export const info: Method = {
  name: 'info',
  scope: 'read',
  summary: 'The edges, each with what it holds.',
  fields: {},
  result: resultOf('nodes', {
    type: 'array',
    items: {
      type: 'object',
      required: ['uid', 'name', 'version', 'num_clients', 'num_users', 'num_channels', 'uptime'],
      properties: {
        uid: { type: 'string' },
        name: { type: 'string' },
        version: { type: 'string' },
        num_clients: { type: 'integer' },
        num_users: { type: 'integer' },
        num_channels: { type: 'integer' },
        uptime: { type: 'integer', description: 'Seconds.' },
      },
    },
  }),
  async run(_params, { control }) {
    const answers = await control.ask({ what: 'info', pattern: '', user: '' });
    return withPartial('nodes', `[${answers.bodies.join(',')}]`, answers.partial);
  },
};

export const channels: Method = {
  name: 'channels',
  scope: 'read',
  summary: 'Channels that have subscribers, over all edges.',
  fields: {
    pattern: { type: 'string', description: 'Names that are so: `*` and `?` stand for any characters and for one.' },
  },
  result: resultOf('channels', {
    type: 'object',
    additionalProperties: {
      type: 'object',
      required: ['num_clients'],
      properties: { num_clients: { type: 'integer' } },
    },
  }),
  async run(params, { control }) {
    const answers = await control.ask({ what: 'channels', pattern: params.string('pattern'), user: '' });
    const counts = new Map<string, number>();
    for (const body of answers.bodies) {
      for (const [name, count] of Object.entries(JSON.parse(body) as Record<string, number>)) {
        counts.set(name, (counts.get(name) ?? 0) + count);
      }
    }
    const entries = [...counts].map(([name, count]) => `${JSON.stringify(name)}:{"num_clients":${count}}`);
    return withPartial('channels', `{${entries.join(',')}}`, answers.partial);
  },
};

export const connections: Method = {
  name: 'connections',
  scope: 'read',
  summary: 'Connections, over all edges.',
  fields: { user: { type: 'string', description: 'Only those of this user.' } },
  result: resultOf('connections', {
    type: 'object',
    additionalProperties: {
      type: 'object',
      required: ['user', 'transport', 'protocol', 'num_channels'],
      properties: {
        user: { type: 'string' },
        transport: { type: 'string' },
        protocol: { type: 'string' },
        num_channels: { type: 'integer' },
      },
    },
  }),
  async run(params, { control }) {
    const answers = await control.ask({ what: 'connections', pattern: '', user: params.string('user') });
    const members = answers.bodies.map((body) => body.slice(1, -1)).filter((body) => body !== '');
    return withPartial('connections', `{${members.join(',')}}`, answers.partial);
  },
};
