import { sessionDigest, type Target } from '@pharos/control';
import { classifyPayload, disconnectCodes } from '@pharos/client-protocol';

import { badRequest } from '../api-error.ts';
import type { FieldSpecs, Params } from '../params.ts';
import { emptyResult, emptySchema, type Method, namespaceOf } from './method.ts';

const target: FieldSpecs = {
  user: {
    type: 'string',
    description: 'Connections of this user. This, `client` or `session`; of several, those of all.',
  },
  client: { type: 'string', description: 'The connection with this client id.' },
  session: {
    type: 'string',
    description: 'The connection with this session, as its connect result has it: on SSE and HTTP streaming.',
  },
};

const channel = { type: 'string', required: true, description: 'The channel.' } as const;
const maxWhitelist = 1_000;
const maxReasonBytes = 123;

export const disconnect: Method = {
  name: 'disconnect',
  scope: 'admin',
  summary: 'Ends connections, on whichever edge they are.',
  fields: {
    ...target,
    whitelist: { type: 'strings', description: 'Client ids that stay.' },
    disconnect: {
      type: 'disconnect',
      description: 'Close code and reason; 3503 (force disconnect) where it is not given.',
    },
  },
  result: emptySchema,
  async run(params, { control }) {
    const { code, reason } = params.disconnect('disconnect') ?? disconnectCodes.forceDisconnect;
    if (code < 3000 || code > 4999) throw badRequest('disconnect.code: expected 3000 to 4999');
    if (Buffer.byteLength(reason) > maxReasonBytes)
      throw badRequest(`disconnect.reason: longer than ${maxReasonBytes} bytes`);
    const whitelist = params.strings('whitelist');
    if (whitelist.length > maxWhitelist) throw badRequest(`whitelist: more than ${maxWhitelist}`);
    await control.command({ do: 'disconnect', target: targetOf(params), code, reason, whitelist });
    return emptyResult;
  },
};

export const unsubscribe: Method = {
  name: 'unsubscribe',
  scope: 'admin',
  summary: 'Takes connections out of a channel; they are told with code 2000.',
  fields: { ...target, channel },
  result: emptySchema,
  async run(params, context) {
    const name = params.string('channel');
    namespaceOf(context, name);
    await context.control.command({ do: 'unsubscribe', target: targetOf(params), channel: name });
    return emptyResult;
  },
};

export const subscribe: Method = {
  name: 'subscribe',
  scope: 'admin',
  summary: 'Subscribes connections to a channel, as a server-side subscription.',
  fields: {
    ...target,
    channel,
    info: { type: 'json', description: 'Shown to others with the subscription (`chan_info`).' },
    b64info: { type: 'base64', description: 'The same in base64, in place of `info`.' },
    data: { type: 'json', description: 'Sent to the client with the subscription.' },
    b64data: {
      type: 'base64',
      description: 'The same in base64, in place of `data`: what is no JSON becomes a string of it.',
    },
    override: { type: 'override', description: 'Options of the namespace that are otherwise for this subscription.' },
    expire_at: { type: 'integer', description: 'When the subscription is over, in seconds since 1970; 0: never.' },
    recover_since: {
      type: 'position',
      description: 'Where the client was: what it missed is sent too, where it can be had.',
    },
  },
  result: emptySchema,
  async run(params, context) {
    const name = params.string('channel');
    namespaceOf(context, name);
    const since = params.position('recover_since') ?? { offset: 0, epoch: '' };
    const [info, data] = [jsonText(params, 'info', 'b64info'), jsonText(params, 'data', 'b64data')];
    const expireAt = params.long('expire_at');
    await context.control.command({
      do: 'subscribe',
      target: targetOf(params),
      channel: name,
      info,
      data,
      expireAt,
      since,
      override: params.override('override'),
    });
    return emptyResult;
  },
};

export const refresh: Method = {
  name: 'refresh',
  scope: 'admin',
  summary: 'Prolongs connections, or ends them as expired.',
  fields: {
    ...target,
    expired: { type: 'boolean', description: 'They are over: close code 3005.' },
    expire_at: { type: 'integer', description: 'When they are over unless they are refreshed, in seconds since 1970.' },
    info: { type: 'json', description: 'Shown to others with the connection (`conn_info`), from now on.' },
  },
  result: emptySchema,
  async run(params, { control }) {
    const [expired, expireAt, info] = [params.boolean('expired'), params.long('expire_at'), jsonText(params, 'info')];
    if (!expired && expireAt === 0 && info === '') throw badRequest('expected expired, expire_at or info');
    await control.command({ do: 'refresh', target: targetOf(params), expired, expireAt, info });
    return emptyResult;
  },
};

const expireAtField = {
  type: 'integer',
  description:
    'When no such token is valid any more, in seconds since 1970; at most control.revocation_ttl from now, which it is by default.',
} as const;

export const revokeToken: Method = {
  name: 'revoke_token',
  scope: 'admin',
  summary: 'A token holds no more: who is connected by it is disconnected (3500), and nobody comes in by it.',
  fields: { uid: { type: 'string', required: true, description: 'The `jti` of the token.' }, expire_at: expireAtField },
  result: emptySchema,
  async run(params, { control }) {
    const tokenId = params.string('uid');
    if (tokenId === '') throw badRequest('uid: it is empty');
    await control.revoke({ tokenId, user: '', issuedBefore: 0, until: untilOf(params, control.revocationTtlMs) });
    return emptyResult;
  },
};

export const invalidateUserTokens: Method = {
  name: 'invalidate_user_tokens',
  scope: 'admin',
  summary:
    'Tokens of a user that were issued before a time hold no more; those that do not say when they were issued among them.',
  fields: {
    user: { type: 'string', required: true, description: 'The user.' },
    issued_before: { type: 'integer', description: 'In seconds since 1970. Default: now.' },
    expire_at: expireAtField,
  },
  result: emptySchema,
  async run(params, { control }) {
    const user = params.string('user');
    if (user === '') throw badRequest('user: it is empty');
    const issuedBefore = params.long('issued_before') || Math.ceil(Date.now() / 1_000);
    await control.revoke({ tokenId: '', user, issuedBefore, until: untilOf(params, control.revocationTtlMs) });
    return emptyResult;
  },
};

/** @throws ApiError */
function targetOf(params: Params): Target {
  const [user, client, session] = [params.string('user'), params.string('client'), params.string('session')];
  if (user === '' && client === '' && session === '') throw badRequest('expected user, client or session');
  return { user, client, session: session === '' ? '' : sessionDigest(session) };
}

function untilOf(params: Params, ttlMs: number): number {
  const latest = Math.floor((Date.now() + ttlMs) / 1_000);
  const until = params.long('expire_at') || latest;
  if (until > latest) throw badRequest('expire_at: later than control.revocation_ttl allows');
  return until;
}

/** @param base64 the field that may be there in its place: of bytes that are no JSON it is a string, as with tokens */
function jsonText(params: Params, name: string, base64?: string): string {
  const bytes = base64 === undefined ? undefined : params.base64(base64);
  if (bytes !== undefined) {
    if (params.json(name) !== undefined) throw badRequest(`expected ${name} or ${base64}, not both`);
    return classifyPayload(bytes).json.toString();
  }
  const raw = params.json(name)?.toString() ?? '';
  return raw === 'null' ? '' : raw;
}
