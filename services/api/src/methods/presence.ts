import { clientInfoOf } from '@pharos/channels';
import { encodeClientInfo, errorCodes } from '@pharos/client-protocol';
import { PresenceError, type PresenceStore } from '@pharos/presence';

import { ApiError, notAvailable } from '../api-error.ts';
import { type ApiContext, type Method, namespaceOf } from './method.ts';

const channel = { type: 'string', required: true, description: 'The channel.' } as const;

export const presence: Method = {
  name: 'presence',
  scope: 'read',
  summary: 'Who is in a channel.',
  fields: { channel },
  result: {
    type: 'object',
    required: ['presence'],
    additionalProperties: false,
    properties: { presence: { type: 'object', additionalProperties: { $ref: '#/components/schemas/ClientInfo' } } },
  },
  async run(params, context) {
    const name = params.string('channel');
    const store = storeOf(context, name);
    const members = await store.members(name, context.maxMembers).catch((error: unknown) => {
      if (!(error instanceof PresenceError) || error.code !== 'too-many') throw error;
      throw new ApiError(
        errorCodes.limitExceeded,
        `the channel has more than ${context.maxMembers} members: presence_stats counts them`,
      );
    });
    const entries = members.map(
      (member) => `${JSON.stringify(member.client)}:${encodeClientInfo(clientInfoOf(member)).toString()}`,
    );
    return `{"presence":{${entries.join(',')}}}`;
  },
};

export const presenceStats: Method = {
  name: 'presence_stats',
  scope: 'read',
  summary: 'How many are in a channel: clients, and users among them.',
  fields: { channel },
  result: {
    type: 'object',
    required: ['num_clients', 'num_users'],
    additionalProperties: false,
    properties: { num_clients: { type: 'integer' }, num_users: { type: 'integer' } },
  },
  async run(params, context) {
    const name = params.string('channel');
    const { clients, users } = await storeOf(context, name).stats(name);
    return JSON.stringify({ num_clients: clients, num_users: users });
  },
};

function storeOf(context: ApiContext, name: string): PresenceStore {
  const { options } = namespaceOf(context, name);
  if (!options.presence) throw notAvailable('the namespace has no presence');
  if (context.presence === undefined) throw notAvailable('presence needs a store (redis.url)');
  return context.presence;
}
