import { ProtocolError } from '../errors.ts';
import type { AnyCommand, CommandMethod } from '../messages/command.ts';
import type { ConnectRequest } from '../messages/connect.ts';
import type { FilterNode } from '../messages/filter.ts';
import type { HistoryRequest, StreamPosition } from '../messages/history.ts';
import type { PublishRequest } from '../messages/publish.ts';
import type { RawData } from '../messages/raw-data.ts';
import type { RefreshRequest, SubRefreshRequest } from '../messages/refresh.ts';
import type { RpcRequest, SendRequest } from '../messages/rpc.ts';
import type { SubscribeRequest } from '../messages/subscribe.ts';
import type { MessageReader } from './message-reader.ts';

/** How one method's request is read. */
export interface RequestDecoder {
  readonly method: CommandMethod;
  readonly decode: (id: number, message: MessageReader) => AnyCommand;
}

const NO_BYTES = Buffer.alloc(0);

/** As deep as the depth of JSON commands lets filters be. Operators may recurse over them. */
const MAX_FILTER_DEPTH = 100;

/** The methods that the server knows, by their field in Command. */
export const requestsByField: ReadonlyMap<number, RequestDecoder> = new Map<number, RequestDecoder>([
  [4, { method: 'connect', decode: (id, message) => ({ method: 'connect', id, request: connectRequest(message) }) }],
  [
    5,
    { method: 'subscribe', decode: (id, message) => ({ method: 'subscribe', id, request: subscribeRequest(message) }) },
  ],
  [
    6,
    {
      method: 'unsubscribe',
      decode: (id, message) => ({ method: 'unsubscribe', id, request: channelRequest(message) }),
    },
  ],
  [7, { method: 'publish', decode: (id, message) => ({ method: 'publish', id, request: publishRequest(message) }) }],
  [8, { method: 'presence', decode: (id, message) => ({ method: 'presence', id, request: channelRequest(message) }) }],
  [
    9,
    {
      method: 'presence_stats',
      decode: (id, message) => ({ method: 'presence_stats', id, request: channelRequest(message) }),
    },
  ],
  [10, { method: 'history', decode: (id, message) => ({ method: 'history', id, request: historyRequest(message) }) }],
  [11, { method: 'ping', decode: (id, message) => ({ method: 'ping', id, request: emptyRequest(message) }) }],
  [12, { method: 'send', decode: (id, message) => ({ method: 'send', id, request: sendRequest(message) }) }],
  [13, { method: 'rpc', decode: (id, message) => ({ method: 'rpc', id, request: rpcRequest(message) }) }],
  [14, { method: 'refresh', decode: (id, message) => ({ method: 'refresh', id, request: refreshRequest(message) }) }],
  [
    15,
    {
      method: 'sub_refresh',
      decode: (id, message) => ({ method: 'sub_refresh', id, request: subRefreshRequest(message) }),
    },
  ],
]);

/** token[1] data[2] subs[3, map] name[4] version[5] headers[6, map] flag[7] */
function connectRequest(message: MessageReader): ConnectRequest {
  let token = '';
  let data: RawData | undefined;
  const subs = new Map<string, SubscribeRequest>();
  let name = '';
  let version = '';
  const headers = new Map<string, string>();
  let flag = 0;
  while (message.next()) {
    if (message.field === 1) token = message.string('token');
    else if (message.field === 2) data = message.raw('data');
    else if (message.field === 3) addSub(subs, message);
    else if (message.field === 4) name = message.string('name');
    else if (message.field === 5) version = message.string('version');
    else if (message.field === 6) addHeader(headers, message);
    else if (message.field === 7) flag = message.uint53('flag');
    else message.skip();
  }
  return { token, data, subs, name, version, headers, flag };
}

/** Entry of a map: channel[1] request[2] */
function addSub(subs: Map<string, SubscribeRequest>, message: MessageReader): void {
  message.countElement('subs');
  const entry = message.message('subs');
  let channel = '';
  let request: SubscribeRequest | undefined;
  while (entry.next()) {
    if (entry.field === 1) channel = entry.string('key');
    else if (entry.field === 2) request = subscribeRequest(entry.message('value'));
    else entry.skip();
  }
  subs.set(channel, { ...(request ?? noSubscribe), channel });
}

/** Entry of a map: name[1] value[2] */
function addHeader(headers: Map<string, string>, message: MessageReader): void {
  message.countElement('headers');
  const entry = message.message('headers');
  let name = '';
  let value = '';
  while (entry.next()) {
    if (entry.field === 1) name = entry.string('key');
    else if (entry.field === 2) value = entry.string('value');
    else entry.skip();
  }
  headers.set(name, value);
}

const noSubscribe: SubscribeRequest = {
  channel: '',
  token: '',
  recover: false,
  epoch: '',
  offset: 0,
  data: undefined,
  positioned: false,
  recoverable: false,
  joinLeave: false,
  delta: '',
  filter: undefined,
  flag: 0,
};

/**
 * channel[1] token[2] recover[3] epoch[6] offset[7] data[8] positioned[9] recoverable[10] join_leave[11] delta[12] tf[13]
 * flag[14]
 */
function subscribeRequest(message: MessageReader): SubscribeRequest {
  const request: { -readonly [Field in keyof SubscribeRequest]: SubscribeRequest[Field] } = { ...noSubscribe };
  while (message.next()) {
    if (message.field === 1) request.channel = message.string('channel');
    else if (message.field === 2) request.token = message.string('token');
    else if (message.field === 3) request.recover = message.boolean('recover');
    else if (message.field === 6) request.epoch = message.string('epoch');
    else if (message.field === 7) request.offset = message.uint53('offset');
    else if (message.field === 8) request.data = message.raw('data');
    else if (message.field === 9) request.positioned = message.boolean('positioned');
    else if (message.field === 10) request.recoverable = message.boolean('recoverable');
    else if (message.field === 11) request.joinLeave = message.boolean('join_leave');
    else if (message.field === 12) request.delta = message.string('delta');
    else if (message.field === 13) request.filter = filterNode(message.message('tf'), MAX_FILTER_DEPTH);
    else if (message.field === 14) request.flag = message.uint53('flag');
    else message.skip();
  }
  return request;
}

/** op[1] key[2] cmp[3] val[4] vals[5, repeated] nodes[6, repeated] */
function filterNode(message: MessageReader, depth: number): FilterNode {
  if (depth === 0) throw new ProtocolError('too-deep', `the filter is nested more than ${MAX_FILTER_DEPTH} nodes deep`);
  let op = '';
  let key = '';
  let cmp = '';
  let val = '';
  const vals: string[] = [];
  const nodes: FilterNode[] = [];
  while (message.next()) {
    if (message.field === 1) op = message.string('op');
    else if (message.field === 2) key = message.string('key');
    else if (message.field === 3) cmp = message.string('cmp');
    else if (message.field === 4) val = message.string('val');
    else if (message.field === 5) {
      message.countElement('vals');
      vals.push(message.string('vals'));
    } else if (message.field === 6) {
      message.countElement('nodes');
      nodes.push(filterNode(message.message('nodes'), depth - 1));
    } else message.skip();
  }
  return { op, key, cmp, val, vals, nodes };
}

/** channel[1] data[2] */
function publishRequest(message: MessageReader): PublishRequest {
  let channel = '';
  let data: RawData = NO_BYTES;
  while (message.next()) {
    if (message.field === 1) channel = message.string('channel');
    else if (message.field === 2) data = message.raw('data') ?? NO_BYTES;
    else message.skip();
  }
  return { channel, data };
}

/** channel[1]: unsubscribe, presence, presence_stats */
function channelRequest(message: MessageReader): { readonly channel: string } {
  let channel = '';
  while (message.next()) {
    if (message.field === 1) channel = message.string('channel');
    else message.skip();
  }
  return { channel };
}

/** channel[1] limit[7] since[8] reverse[9] */
function historyRequest(message: MessageReader): HistoryRequest {
  let channel = '';
  let limit = 0;
  let since: StreamPosition | undefined;
  let reverse = false;
  while (message.next()) {
    if (message.field === 1) channel = message.string('channel');
    else if (message.field === 7) limit = message.int32('limit');
    else if (message.field === 8) since = streamPosition(message.message('since'));
    else if (message.field === 9) reverse = message.boolean('reverse');
    else message.skip();
  }
  return { channel, limit, since, reverse };
}

/** offset[1] epoch[2] */
function streamPosition(message: MessageReader): StreamPosition {
  let offset = 0;
  let epoch = '';
  while (message.next()) {
    if (message.field === 1) offset = message.uint53('offset');
    else if (message.field === 2) epoch = message.string('epoch');
    else message.skip();
  }
  return { offset, epoch };
}

/** Looked through all the same: what isn't Protobuf is refused wherever it stands. */
function emptyRequest(message: MessageReader): Readonly<Record<string, never>> {
  while (message.next()) message.skip();
  return {};
}

/** data[1] */
function sendRequest(message: MessageReader): SendRequest {
  let data: RawData | undefined;
  while (message.next()) {
    if (message.field === 1) data = message.raw('data');
    else message.skip();
  }
  return { data };
}

/** data[1] method[2] */
function rpcRequest(message: MessageReader): RpcRequest {
  let data: RawData | undefined;
  let method = '';
  while (message.next()) {
    if (message.field === 1) data = message.raw('data');
    else if (message.field === 2) method = message.string('method');
    else message.skip();
  }
  return { data, method };
}

/** token[1] */
function refreshRequest(message: MessageReader): RefreshRequest {
  let token = '';
  while (message.next()) {
    if (message.field === 1) token = message.string('token');
    else message.skip();
  }
  return { token };
}

/** channel[1] token[2] */
function subRefreshRequest(message: MessageReader): SubRefreshRequest {
  let channel = '';
  let token = '';
  while (message.next()) {
    if (message.field === 1) channel = message.string('channel');
    else if (message.field === 2) token = message.string('token');
    else message.skip();
  }
  return { channel, token };
}
