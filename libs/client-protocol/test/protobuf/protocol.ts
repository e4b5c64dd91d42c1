// The protocol as protobufjs understands it, and random values of its messages in the shape that the codec uses.
import { fileURLToPath } from 'node:url';
import type { ClientInfo, Publication, Push, Reply, SubscribeResult } from '@pharos/client-protocol';
import fc from 'fast-check';
import protobuf from 'protobufjs';

const root = new protobuf.Root();
root.loadSync(fileURLToPath(new URL('./testdata/client-protocol.proto', import.meta.url)), { keepCase: true });
root.resolveAll();

export type WireObject = Readonly<Record<string, unknown>>;

export function messageType(name: string): protobuf.Type {
  return root.lookupType(`client.${name}`);
}

/** A frame of these messages, by protobufjs. */
export function frameByProtobufjs(type: string, ...objects: readonly WireObject[]): Buffer {
  const message = messageType(type);
  return Buffer.concat(objects.map((object) => message.encodeDelimited(message.fromObject({ ...object })).finish()));
}

/** The messages of a frame, as protobufjs reads them: fields that are not on the wire are not in the objects. */
export function messagesByProtobufjs(type: string, frame: Uint8Array): WireObject[] {
  const message = messageType(type);
  const reader = protobuf.Reader.create(frame);
  const objects: WireObject[] = [];
  while (reader.pos < reader.len) {
    objects.push(message.toObject(message.decodeDelimited(reader), { longs: Number, bytes: Buffer }));
  }
  return objects;
}

/** Any of Unicode. fast-check's own unit for it takes seconds to be made. */
const codePoint = fc
  .oneof(
    fc.integer({ min: 0x20, max: 0x7e }),
    fc.integer({ min: 0, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
  )
  .map((code) => String.fromCodePoint(code));
export const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 9, arbitrary: fc.string({ unit: codePoint, maxLength: 8 }) },
  { weight: 1, arbitrary: fc.string({ unit: codePoint, minLength: 40, maxLength: 150 }) },
);
export const bytes: fc.Arbitrary<Buffer> = fc
  .oneof(
    { weight: 8, arbitrary: fc.uint8Array({ maxLength: 12 }) },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 120, maxLength: 300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 16_300, max: 16_500 }).map((length) => new Uint8Array(length).fill(7)) },
  )
  .map((array) => Buffer.from(array));
/** Integers around the lengths of varints. */
export const integer: fc.Arbitrary<number> = fc.oneof(
  fc.maxSafeNat(),
  fc.nat({ max: 300 }),
  fc.tuple(fc.integer({ min: 1, max: 52 }), fc.constantFrom(-1, 0, 1)).map(([bit, step]) => 2 ** bit + step),
  fc.constant(Number.MAX_SAFE_INTEGER),
);
const uint32 = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 0xffff_ffff }));
export const commandId: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: 1, max: 0xffff_ffff }),
);

export const clientInfo: fc.Arbitrary<ClientInfo> = fc.record(
  { user: text, client: text, connInfo: bytes, chanInfo: bytes },
  { requiredKeys: ['user', 'client'] },
);
export const tags: fc.Arbitrary<Map<string, string>> = fc
  .array(fc.tuple(text, text), { maxLength: 3 })
  .map((entries) => new Map(entries));
const publication: fc.Arbitrary<Publication> = fc.record(
  { data: bytes, info: clientInfo, offset: integer, tags, delta: fc.boolean(), timeMs: integer, channel: text },
  { requiredKeys: ['data'] },
);
const subscribeResult: fc.Arbitrary<SubscribeResult> = fc.record(
  {
    expires: fc.boolean(),
    ttlSeconds: uint32,
    recoverable: fc.boolean(),
    epoch: text,
    publications: fc.array(publication, { maxLength: 3 }),
    recovered: fc.boolean(),
    offset: integer,
    positioned: fc.boolean(),
    data: bytes,
    wasRecovering: fc.boolean(),
    delta: fc.boolean(),
    id: integer,
  },
  { requiredKeys: [] },
);
const connectResult = fc.record(
  {
    client: text,
    version: text,
    expires: fc.boolean(),
    ttlSeconds: uint32,
    data: bytes,
    subs: fc.array(fc.tuple(text, subscribeResult), { maxLength: 3 }).map((entries) => new Map(entries)),
    pingSeconds: uint32,
    pong: fc.boolean(),
    session: text,
    node: text,
    timeMs: integer,
  },
  { requiredKeys: ['client'] },
);
const empty = fc.constant({});
const expiry = fc.record({ expires: fc.boolean(), ttlSeconds: uint32 }, { requiredKeys: [] });

const results: { readonly [Method in Exclude<Reply['method'], 'error'>]: fc.Arbitrary<unknown> } = {
  connect: connectResult,
  subscribe: subscribeResult,
  unsubscribe: empty,
  publish: empty,
  presence: fc.record({
    presence: fc.array(fc.tuple(text, clientInfo), { maxLength: 3 }).map((entries) => new Map(entries)),
  }),
  presence_stats: fc.record({ numClients: uint32, numUsers: uint32 }),
  history: fc.record(
    { publications: fc.array(publication, { maxLength: 3 }), epoch: text, offset: integer },
    { requiredKeys: [] },
  ),
  ping: empty,
  rpc: fc.record({ data: bytes }, { requiredKeys: [] }),
  refresh: fc.record({ client: text, version: text, expires: fc.boolean(), ttlSeconds: uint32 }, { requiredKeys: [] }),
  sub_refresh: expiry,
};

/** Random replies, by method. */
export const replies: ReadonlyMap<string, fc.Arbitrary<Reply>> = new Map([
  [
    'error',
    fc.record({
      method: fc.constant('error' as const),
      id: commandId,
      error: fc.record({ code: uint32, message: text, temporary: fc.boolean() }),
    }),
  ],
  ...Object.entries(results).map(([method, result]): [string, fc.Arbitrary<Reply>] => [
    method,
    fc.record({ method: fc.constant(method), id: commandId, result }) as fc.Arbitrary<Reply>,
  ]),
]);

const channel = fc.record({ channel: text, id: integer }, { requiredKeys: ['channel'] });
const coded = fc.record({ code: uint32, reason: text });

/** What is in each push beside its kind and channel, under the names of `Push`. */
const pushBodies: { readonly [Kind in Push['kind']]: fc.Arbitrary<object> } = {
  pub: ofChannel({ publication }),
  join: ofChannel({ info: clientInfo }),
  leave: ofChannel({ info: clientInfo }),
  unsubscribe: ofChannel({ unsubscribe: coded }),
  subscribe: ofChannel({
    subscribe: fc.record(
      { recoverable: fc.boolean(), epoch: text, offset: integer, positioned: fc.boolean(), data: bytes },
      { requiredKeys: [] },
    ),
  }),
  message: fc.record({ data: bytes }),
  connect: fc.record({ connect: connectResult }),
  disconnect: fc.record({
    disconnect: fc.record(
      { code: uint32, reason: text, reconnect: fc.boolean() },
      { requiredKeys: ['code', 'reason'] },
    ),
  }),
  refresh: fc.record({ refresh: expiry }),
};

/** Random pushes, by kind. */
export const pushes: ReadonlyMap<string, fc.Arbitrary<Push>> = new Map(
  Object.entries(pushBodies).map(([kind, body]): [string, fc.Arbitrary<Push>] => [
    kind,
    body.map((fields) => ({ kind, ...fields }) as Push),
  ]),
);

function ofChannel(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> {
  return fc.tuple(channel, fc.record(fields)).map(([ref, body]) => ({ ...ref, ...body }));
}

const wireNames: ReadonlyMap<string, string> = new Map([
  ['connInfo', 'conn_info'],
  ['chanInfo', 'chan_info'],
  ['timeMs', 'time'],
  ['ttlSeconds', 'ttl'],
  ['pingSeconds', 'ping'],
  ['wasRecovering', 'was_recovering'],
  ['numClients', 'num_clients'],
  ['numUsers', 'num_users'],
]);

/** The object that protobufjs reads of a value: names of the wire, without what is the type's zero. */
export function wireObject(value: object): WireObject {
  const entries: [string, unknown][] = [];
  for (const [name, field] of Object.entries(value) as [string, unknown][]) {
    const wire = wireValue(field);
    if (wire !== undefined) entries.push([wireNames.get(name) ?? name, wire]);
  }
  return Object.fromEntries(entries);
}

function wireValue(value: unknown): unknown {
  if (value === undefined || value === 0 || value === '' || value === false) return undefined;
  if (Buffer.isBuffer(value)) return value.length === 0 ? undefined : value;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => wireObject(item as object));
  if (value instanceof Map) {
    if (value.size === 0) return undefined;
    const entries = [...(value as Map<string, unknown>)].map(([key, item]) => [
      key,
      typeof item === 'string' ? item : wireObject(item as object),
    ]);
    return Object.fromEntries(entries) as unknown;
  }
  return typeof value === 'object' && value !== null ? wireObject(value) : value;
}

export function wireReply(reply: Reply): WireObject {
  const body = reply.method === 'error' ? reply.error : reply.result;
  return { ...wireObject({ id: reply.id }), [reply.method]: wireObject(body) };
}

export function wirePush(push: Push): WireObject {
  const ref = 'channel' in push ? wireObject(push.id ? { id: push.id } : { channel: push.channel }) : {};
  return { push: { ...ref, [push.kind]: wireObject(pushBody(push)) } };
}

function pushBody(push: Push): object {
  switch (push.kind) {
    case 'pub':
      return push.publication;
    case 'join':
    case 'leave':
      return { info: push.info };
    case 'unsubscribe':
      return push.unsubscribe;
    case 'subscribe':
      return push.subscribe;
    case 'message':
      return { data: push.data };
    case 'connect':
      return push.connect;
    case 'disconnect':
      return push.disconnect;
    default:
      return push.refresh;
  }
}
