import type { AnyCommand, CommandMethod } from '../messages/command.ts';
import type { ConnectRequest } from '../messages/connect.ts';
import type { FilterNode } from '../messages/filter.ts';
import type { HistoryRequest } from '../messages/history.ts';
import type { SubscribeRequest } from '../messages/subscribe.ts';
import type { Fields } from './fields.ts';

/** A command of the given id from the fields of its request. */
export type CommandDecoder = (id: number, fields: Fields) => AnyCommand;

const NO_BYTES = Buffer.alloc(0);

/** How each method's request is read, by its name on the wire: the methods that the server knows. */
export const commandDecoders: ReadonlyMap<string, CommandDecoder> = new Map<CommandMethod, CommandDecoder>([
  ['connect', (id, fields) => ({ method: 'connect', id, request: connectRequest(fields) })],
  ['subscribe', (id, fields) => ({ method: 'subscribe', id, request: subscribeRequest(fields) })],
  ['unsubscribe', (id, fields) => ({ method: 'unsubscribe', id, request: { channel: fields.string('channel') } })],
  [
    'publish',
    (id, fields) => ({
      method: 'publish',
      id,
      request: { channel: fields.string('channel'), data: fields.raw('data') ?? NO_BYTES },
    }),
  ],
  ['presence', (id, fields) => ({ method: 'presence', id, request: { channel: fields.string('channel') } })],
  [
    'presence_stats',
    (id, fields) => ({ method: 'presence_stats', id, request: { channel: fields.string('channel') } }),
  ],
  ['history', (id, fields) => ({ method: 'history', id, request: historyRequest(fields) })],
  ['ping', (id) => ({ method: 'ping', id, request: {} })],
  ['send', (id, fields) => ({ method: 'send', id, request: { data: fields.raw('data') } })],
  [
    'rpc',
    (id, fields) => ({ method: 'rpc', id, request: { data: fields.raw('data'), method: fields.string('method') } }),
  ],
  ['refresh', (id, fields) => ({ method: 'refresh', id, request: { token: fields.string('token') } })],
  [
    'sub_refresh',
    (id, fields) => ({
      method: 'sub_refresh',
      id,
      request: { channel: fields.string('channel'), token: fields.string('token') },
    }),
  ],
]);

export function connectRequest(fields: Fields): ConnectRequest {
  const subs = new Map<string, SubscribeRequest>();
  for (const [channel, sub] of fields.objectMap('subs')) subs.set(channel, { ...subscribeRequest(sub), channel });
  return {
    token: fields.string('token'),
    data: fields.raw('data'),
    subs,
    name: fields.string('name'),
    version: fields.string('version'),
    headers: fields.stringMap('headers'),
    flag: fields.uint53('flag'),
  };
}

function subscribeRequest(fields: Fields): SubscribeRequest {
  const filter = fields.object('tf');
  return {
    channel: fields.string('channel'),
    token: fields.string('token'),
    recover: fields.boolean('recover'),
    epoch: fields.string('epoch'),
    offset: fields.uint53('offset'),
    data: fields.raw('data'),
    positioned: fields.boolean('positioned'),
    recoverable: fields.boolean('recoverable'),
    joinLeave: fields.boolean('join_leave'),
    delta: fields.string('delta'),
    filter: filter === undefined ? undefined : filterNode(filter),
    flag: fields.uint53('flag'),
  };
}

/** Recursion ends: the depth of the whole command is bounded before. */
function filterNode(fields: Fields): FilterNode {
  return {
    op: fields.string('op'),
    key: fields.string('key'),
    cmp: fields.string('cmp'),
    val: fields.string('val'),
    vals: fields.strings('vals'),
    nodes: fields.objects('nodes').map((node) => filterNode(node)),
  };
}

function historyRequest(fields: Fields): HistoryRequest {
  const since = fields.object('since');
  return {
    channel: fields.string('channel'),
    limit: fields.int32('limit'),
    since: since === undefined ? undefined : { offset: since.uint53('offset'), epoch: since.string('epoch') },
    reverse: fields.boolean('reverse'),
  };
}
