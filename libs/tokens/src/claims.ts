import { classifyPayload, Fields, ProtocolError } from '@pharos/client-protocol';
import { TokenError } from './errors.ts';

/** Options of a namespace that a token decides for one subscription; undefined: as the namespace has it. */
export interface SubscriptionOverride {
  readonly presence?: boolean;
  readonly joinLeave?: boolean;
  readonly forcePushJoinLeave?: boolean;
  readonly forcePositioning?: boolean;
  readonly forceRecovery?: boolean;
}

/** What a token says of a subscription. */
export interface SubscriptionGrant {
  /** Shown to others with the subscription (`chan_info`). */
  readonly info: Buffer | undefined;
  /** Sent to the client with the subscription. */
  readonly data: Buffer | undefined;
  readonly override: SubscriptionOverride;
}

interface CommonClaims {
  /** Empty: anonymous. */
  readonly user: string;
  /** `jti`; empty where there is none. */
  readonly id: string;
  /** `iat`, in seconds since 1970. */
  readonly issuedAt: number | undefined;
  /** When what the token allows is over, in seconds since 1970: `expire_at`, else `exp`. Undefined: never. */
  readonly expireAt: number | undefined;
}

/** What lets a client connect. */
export interface ConnectionClaims extends CommonClaims {
  /** Shown to others with the connection (`conn_info`). */
  readonly info: Buffer | undefined;
  /** JSON that goes to the application's backend and never to clients. */
  readonly meta: Buffer | undefined;
  /** What the client is subscribed to by the server: from `channels` and `subs`. */
  readonly subs: ReadonlyMap<string, SubscriptionGrant>;
}

/** What lets a client subscribe to one channel. */
export interface SubscriptionClaims extends CommonClaims, SubscriptionGrant {
  readonly channel: string;
  /** The only client that may use it; empty: any of the user. */
  readonly client: string;
}

const noGrant: SubscriptionGrant = { info: undefined, data: undefined, override: {} };

/** @param payload the token's, whose signature was verified. @throws TokenError `claims` */
export function connectionClaims(payload: Buffer, userClaim: string): ConnectionClaims {
  return read(payload, (fields) => {
    if (fields.string('channel') !== '') throw wrong('channel: expected none in a token to connect with');
    const subs = new Map<string, SubscriptionGrant>();
    for (const channel of fields.strings('channels')) subs.set(channel, noGrant);
    for (const [channel, options] of fields.objectMap('subs')) subs.set(channel, grant(options));
    return { ...common(fields, userClaim), info: bytes(fields, 'info', 'b64info'), meta: json(fields, 'meta'), subs };
  });
}

/** @param payload the token's, whose signature was verified. @throws TokenError `claims` */
export function subscriptionClaims(payload: Buffer, userClaim: string): SubscriptionClaims {
  return read(payload, (fields) => {
    const channel = fields.string('channel');
    if (channel === '') throw wrong('channel: expected the channel that the token is for');
    return { ...common(fields, userClaim), ...grant(fields), channel, client: fields.string('client') };
  });
}

function read<T>(payload: Buffer, from: (fields: Fields) => T): T {
  try {
    const values: unknown = JSON.parse(payload.toString('utf8'));
    if (typeof values !== 'object' || values === null || Array.isArray(values)) throw wrong('expected an object');
    return from(Fields.of(values as Readonly<Record<string, unknown>>, payload));
  } catch (error) {
    if (error instanceof ProtocolError) throw wrong(error.message);
    throw error;
  }
}

function common(fields: Fields, userClaim: string): CommonClaims {
  const expires = seconds(fields, 'exp');
  const override = seconds(fields, 'expire_at');
  return {
    user: fields.string(userClaim),
    id: fields.string('jti'),
    issuedAt: seconds(fields, 'iat'),
    // 0 in place of a time: never, whatever the token itself expires at.
    expireAt: override === undefined ? expires : override === 0 ? undefined : override,
  };
}

function grant(fields: Fields): SubscriptionGrant {
  return {
    info: bytes(fields, 'info', 'b64info'),
    data: bytes(fields, 'data', 'b64data'),
    override: subscriptionOverride(fields.object('override')),
  };
}

/** As tokens, backends and the server API write it: `{"presence": {"value": true}, …}`. @throws ProtocolError */
export function subscriptionOverride(fields: Fields | undefined): SubscriptionOverride {
  const value = (name: string): boolean | undefined => fields?.object(name)?.boolean('value');
  return withoutUndefined({
    presence: value('presence'),
    joinLeave: value('join_leave'),
    forcePushJoinLeave: value('force_push_join_leave'),
    forcePositioning: value('force_positioning'),
    forceRecovery: value('force_recovery'),
  });
}

function withoutUndefined(values: Readonly<Record<string, boolean | undefined>>): SubscriptionOverride {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** A whole number of seconds; what libraries write with a fraction loses it. */
function seconds(fields: Fields, name: string): number | undefined {
  const value = fields.number(name);
  if (value === undefined) return undefined;
  if (value < 0 || value > Number.MAX_SAFE_INTEGER / 1_000) throw wrong(`${name}: expected seconds since 1970`);
  return Math.floor(value);
}

/** Always JSON, whatever it is: bytes from base64 that are none travel as publications' payloads do, as text or base64 in a JSON string. */
function bytes(fields: Fields, plain: string, base64: string): Buffer | undefined {
  const text = fields.string(base64);
  if (text === '') return json(fields, plain);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw wrong(`${base64}: expected base64`);
  return Buffer.from(classifyPayload(Buffer.from(text, 'base64')).json);
}

function json(fields: Fields, name: string): Buffer | undefined {
  const raw = fields.raw(name);
  if (raw === undefined || raw.toString('latin1') === 'null') return undefined;
  // It travels in frames whose lines are objects; in JSON a raw line break stands between tokens only.
  return raw.map((byte) => (byte === 0x0a || byte === 0x0d ? 0x20 : byte)) as Buffer;
}

function wrong(what: string): TokenError {
  return new TokenError('claims', `the token's claims are not as they must be: ${what}`);
}
