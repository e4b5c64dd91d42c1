// Random commands as objects under the names of the wire, which are the same in JSON and in Protobuf.
import fc from 'fast-check';
import { commandId, integer, text, type WireObject } from './protocol.ts';

/** Application data: the text of one JSON value, which Protobuf carries as it is. */
class Raw {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }

  toJSON(): unknown {
    return this.value;
  }
}

const raw = fc.jsonValue({ maxDepth: 2 }).map((value) => new Raw(value));
const boolean = fc.boolean();
const int32 = fc.oneof(fc.integer(), fc.nat({ max: 300 }), fc.constant(-1));

function message(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<WireObject> {
  return fc.record(fields, { requiredKeys: [] });
}

function mapOf(value: fc.Arbitrary<unknown>): fc.Arbitrary<WireObject> {
  // `__proto__` as a name is a matter of the JSON decoder's tests: protobufjs can't take it.
  const name = text.filter((each) => each !== '__proto__');
  return fc.array(fc.tuple(name, value), { maxLength: 3 }).map((entries) => Object.fromEntries(entries) as WireObject);
}

const { filter } = fc.letrec<{ filter: WireObject }>((tie) => ({
  filter: message({
    op: fc.constantFrom('', 'and', 'or', 'not'),
    key: text,
    cmp: text,
    val: text,
    vals: fc.array(text, { maxLength: 3 }),
    nodes: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'filter' },
      fc.constant([]),
      fc.array(tie('filter'), { maxLength: 3 }),
    ),
  }),
}));

const subscribe = message({
  channel: text,
  token: text,
  recover: boolean,
  epoch: text,
  offset: integer,
  data: raw,
  positioned: boolean,
  recoverable: boolean,
  join_leave: boolean,
  delta: text,
  tf: filter,
  flag: integer,
});
const channel = message({ channel: text });

const requests: Readonly<Record<string, fc.Arbitrary<WireObject>>> = {
  connect: message({
    token: text,
    data: raw,
    subs: mapOf(subscribe),
    name: text,
    version: text,
    headers: mapOf(text),
    flag: integer,
  }),
  subscribe,
  unsubscribe: channel,
  publish: message({ channel: text, data: raw }),
  presence: channel,
  presence_stats: channel,
  history: message({ channel: text, limit: int32, since: message({ offset: integer, epoch: text }), reverse: boolean }),
  ping: fc.constant({}),
  send: message({ data: raw }),
  rpc: message({ data: raw, method: text }),
  refresh: message({ token: text }),
  sub_refresh: message({ channel: text, token: text }),
};

/** Random commands, by method. */
export const commands: ReadonlyMap<string, fc.Arbitrary<WireObject>> = new Map(
  Object.entries(requests).map(([method, request]) => [
    method,
    fc
      .tuple(method === 'send' ? fc.oneof(fc.constant(0), commandId) : commandId, request)
      .map(([id, fields]): WireObject => ({ id, [method]: fields })),
  ]),
);

export function jsonFrame(command: WireObject): string {
  return JSON.stringify(command);
}

/** The command for protobufjs, with data as bytes. */
export function wireCommand(command: WireObject): WireObject {
  return wire(command) as WireObject;
}

function wire(value: unknown): unknown {
  if (value instanceof Raw) return Buffer.from(JSON.stringify(value));
  if (Array.isArray(value)) return value.map(wire);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, wire(field)])) as unknown;
}
