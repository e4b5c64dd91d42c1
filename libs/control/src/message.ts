import { createHash } from 'node:crypto';

import { Fields, ProtocolError } from '@pharos/client-protocol';
import type { SubscriptionOverride } from '@pharos/tokens';

/** Whose connections a command is about: all that every one of these names; an empty one names any. */
export interface Target {
  readonly user: string;
  readonly client: string;
  /** Of a session of SSE or HTTP streaming: the digest, since who knows the session itself commands as its client. */
  readonly session: string;
}

/** As what a session is named where others may read it. */
export function sessionDigest(session: string): string {
  return createHash('sha256').update(session).digest('base64url');
}

/** What edges do to their connections. `info` and `data` are JSON. */
export type ConnectionCommand =
  | {
      readonly do: 'disconnect';
      readonly target: Target;
      readonly code: number;
      readonly reason: string;
      readonly whitelist: readonly string[];
    }
  | { readonly do: 'unsubscribe'; readonly target: Target; readonly channel: string }
  | {
      readonly do: 'subscribe';
      readonly target: Target;
      readonly channel: string;
      readonly info: string;
      readonly data: string;
      /** In seconds since 1970; 0: never. */
      readonly expireAt: number;
      /** Where the client was; offset 0 of no epoch: nowhere. */
      readonly since: { readonly offset: number; readonly epoch: string };
      readonly override: SubscriptionOverride;
    }
  /** `expireAt` in seconds since 1970; 0: as it is. */
  | {
      readonly do: 'refresh';
      readonly target: Target;
      readonly expired: boolean;
      readonly expireAt: number;
      readonly info: string;
    };

/** What edges are asked. */
export type Question = {
  readonly do: 'ask';
  readonly id: string;
  readonly what: 'info' | 'channels' | 'connections';
  /** Channels whose names are so; `*` and `?` stand for any. Empty: all. */
  readonly pattern: string;
  /** Connections of this user; empty: of all. */
  readonly user: string;
};

/** What an edge says to the others: that it is there, or goes. */
export type EdgeWord = {
  readonly do: 'edge';
  readonly node: string;
  readonly here: boolean;
  /** By which the others know its sessions from made-up ones: 32 bytes in base64url. Empty: of a version whose sessions aren't signed. */
  readonly key: string;
};

const edgeKey = /^[\w-]{43}$/;

export type ControlMessage = ConnectionCommand | Question | EdgeWord;

/** What an edge says of itself, unasked and as an answer. */
export type NodeMessage =
  | { readonly say: 'here' | 'gone'; readonly node: string }
  /** `body` is JSON; `partial`: there is more than an answer may hold. */
  | {
      readonly say: 'answer';
      readonly node: string;
      readonly id: string;
      readonly partial: boolean;
      readonly body: string;
    };

/** What one edge hands another: commands of a client whose session that one has, and the word that they were taken. */
export type InboxMessage =
  | {
      readonly put: 'commands';
      readonly id: number;
      /** Who is to be told. */
      readonly from: string;
      readonly session: string;
      /** A frame of the session's encoding. */
      readonly data: Buffer;
    }
  /** `known`: there is such a session. */
  | { readonly put: 'taken'; readonly id: number; readonly known: boolean };

/** Tokens that hold no more: one, by its `jti`, or all of a user that were issued before a time. */
export interface Revocation {
  /** Empty: by user. */
  readonly tokenId: string;
  readonly user: string;
  /** In seconds since 1970. */
  readonly issuedBefore: number;
  /** When none of them is valid any more anyway, in seconds since 1970. */
  readonly until: number;
}

export function encodeMessage(message: ControlMessage | NodeMessage | Revocation): Buffer {
  return Buffer.from(JSON.stringify(message));
}

/** Undefined for what is none: of another version, or of somebody else. */
export function decodeControl(data: Buffer): ControlMessage | undefined {
  return read(data, (fields) => {
    const kind = fields.string('do');
    if (kind === 'ask') {
      const what = fields.string('what');
      if (what !== 'info' && what !== 'channels' && what !== 'connections') return undefined;
      return {
        do: kind,
        what,
        id: fields.string('id'),
        pattern: fields.string('pattern'),
        user: fields.string('user'),
      };
    }
    if (kind === 'edge') {
      const [node, key] = [fields.string('node'), fields.string('key')];
      // A key that is none must not be taken for an edge that has none.
      if (node === '' || (key !== '' && !edgeKey.test(key))) return undefined;
      return { do: kind, node, here: fields.boolean('here'), key };
    }
    const of = fields.object('target');
    const name = (field: keyof Target): string => of?.string(field) ?? '';
    const target = { user: name('user'), client: name('client'), session: name('session') };
    // A command that is about nobody in particular is no command to all.
    if (target.user === '' && target.client === '' && target.session === '') return undefined;
    const channel = fields.string('channel');
    if (kind === 'disconnect') {
      const [code, whitelist] = [fields.uint32('code'), fields.strings('whitelist')];
      // No other may be sent.
      if (code < 3_000 || code > 4_999) return undefined;
      return { do: kind, target, code, reason: fields.string('reason'), whitelist };
    }
    if (kind === 'unsubscribe') return { do: kind, target, channel };
    const [info, expireAt] = [fields.string('info'), fields.uint53('expireAt')];
    if (kind === 'refresh') return { do: kind, target, info, expireAt, expired: fields.boolean('expired') };
    if (kind !== 'subscribe') return undefined;
    const since = fields.object('since');
    return {
      ...{ do: kind, target, channel, info, data: fields.string('data'), expireAt },
      since: { offset: since?.uint53('offset') ?? 0, epoch: since?.string('epoch') ?? '' },
      override: overrideOf(fields.object('override')),
    };
  });
}

const overridable = ['presence', 'joinLeave', 'forcePushJoinLeave', 'forcePositioning', 'forceRecovery'] as const;

/** Those that are there: what isn't is as the namespace has it. */
function overrideOf(fields: Fields | undefined): SubscriptionOverride {
  const given = overridable.filter((name) => fields?.raw(name) !== undefined);
  return Object.fromEntries(given.map((name) => [name, fields?.boolean(name)]));
}

export function encodeInbox(message: InboxMessage): Buffer {
  const { put } = message;
  // The data may be of any bytes, in an encoding of its own.
  const wire = put === 'commands' ? { ...message, data: message.data.toString('base64') } : message;
  return Buffer.from(JSON.stringify(wire));
}

/** Undefined for what is none. */
export function decodeInbox(data: Buffer): InboxMessage | undefined {
  return read(data, (fields) => {
    const put = fields.string('put');
    const id = fields.uint53('id');
    if (put === 'taken') return { put, id, known: fields.boolean('known') };
    const [from, session] = [fields.string('from'), fields.string('session')];
    if (put !== 'commands' || from === '') return undefined;
    return { put, id, from, session, data: Buffer.from(fields.string('data'), 'base64') };
  });
}

export function decodeNode(data: Buffer): NodeMessage | undefined {
  return read(data, (fields) => {
    const say = fields.string('say');
    const node = fields.string('node');
    if (node === '') return undefined;
    if (say === 'here' || say === 'gone') return { say, node };
    if (say !== 'answer') return undefined;
    return { say, node, id: fields.string('id'), partial: fields.boolean('partial'), body: fields.string('body') };
  });
}

export function decodeRevocation(data: Buffer): Revocation | undefined {
  return read(data, (fields) => {
    const [tokenId, user] = [fields.string('tokenId'), fields.string('user')];
    if ((tokenId === '') === (user === '')) return undefined;
    return { tokenId, user, issuedBefore: fields.uint53('issuedBefore'), until: fields.uint53('until') };
  });
}

function read<T>(data: Buffer, from: (fields: Fields) => T | undefined): T | undefined {
  try {
    const values: unknown = JSON.parse(data.toString('utf8'));
    if (typeof values !== 'object' || values === null || Array.isArray(values)) return undefined;
    return from(Fields.of(values as Readonly<Record<string, unknown>>, data));
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
