import { errorCodes } from '@pharos/client-protocol';
import { sessionDigest } from '@pharos/control';

import type { TraceCarrier } from '@pharos/telemetry';

import { ApiError, badRequest, notAvailable, toApiError } from './api-error.ts';
import { allows, type KeyHolder } from './keys.ts';
import {
  disconnect,
  invalidateUserTokens,
  refresh,
  revokeToken,
  subscribe,
  unsubscribe,
} from './methods/connections.ts';
import { channels, connections, info } from './methods/nodes.ts';
import { history } from './methods/history.ts';
import type { ApiContext, Json, Method } from './methods/method.ts';
import { presence, presenceStats } from './methods/presence.ts';
import { broadcast, historyRemove, publish } from './methods/publish.ts';
import { errorJson } from './methods/replies.ts';
import { rpc } from './methods/rpc.ts';
import { elementsOf, objectIn, Params } from './params.ts';

/** From here on error codes are those of the application's methods. */
const applicationCodes = 400;
const maxCommands = 1_000;
/** Commands of one batch that are worked on at the same time. */
const batchAtOnce = 64;

/** Every method but `batch`, which is made of them. */
export const methods: ReadonlyMap<string, Method> = new Map(
  [
    ...[publish, broadcast, history, historyRemove, presence, presenceStats],
    ...[subscribe, unsubscribe, disconnect, refresh, revokeToken, invalidateUserTokens],
    ...[info, channels, connections, rpc],
  ].map((method) => [method.name, method]),
);

/** `batch` as the OpenAPI document tells of it; see {@link Api.run}. */
export const batch: Omit<Method, 'run'> = {
  name: 'batch',
  scope: 'read',
  summary: 'Several commands in one request; a reply for each, in their order. Each needs what its method needs.',
  fields: {
    commands: {
      type: 'commands',
      required: true,
      description: 'Objects with one member each: a method with its request. At most 1,000.',
    },
    parallel: { type: 'boolean', description: 'All at once; else one after another.' },
  },
  result: {
    type: 'object',
    required: ['replies'],
    additionalProperties: false,
    properties: {
      replies: {
        type: 'array',
        items: { type: 'object', description: 'One member: the method with its result, or `error`.' },
      },
    },
  },
};

export type Reply = { readonly result: Json } | { readonly error: ApiError };

/** Who sends commands, from where. */
export interface Caller {
  readonly holder: KeyHolder;
  readonly address: string;
  /** For publishes that bring no idempotency key; in a batch, the beginning of one for each. */
  readonly keyIfNone?: string;
  /** What came along of a trace. */
  readonly trace?: TraceCarrier;
}

/** The commands of the API, whatever brings them. */
export class Api {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** Runs one command; never rejects. */
  async run(name: string, body: Buffer, caller: Caller): Promise<Reply> {
    const { tracing } = this.#context;
    if (tracing === undefined || !(methods.has(name) || name === batch.name)) return this.#run(name, body, caller);
    return tracing.serve(`api ${name}`, { 'rpc.method': name }, caller.trace ?? {}, () =>
      this.#run(name, body, caller),
    );
  }

  async #run(name: string, body: Buffer, caller: Caller): Promise<Reply> {
    if (name === batch.name) return this.#counted(name, () => this.#batch(body, caller));
    const method = methods.get(name);
    if (method === undefined) return { error: new ApiError(errorCodes.methodNotFound) };
    // What a topic holds is tried again, and nobody waits for an answer.
    if (method === rpc && caller.keyIfNone !== undefined) return { error: notAvailable('rpc: over HTTP only') };
    const reply = await this.#counted(name, async () => {
      if (!allows(caller.holder, method.scope)) {
        throw new ApiError(
          errorCodes.permissionDenied,
          `the key does not allow ${name}: it needs the scope ${method.scope}`,
        );
      }
      return method.run(new Params(keyed(body, method, caller), method.fields), this.#context);
    });
    if (method.scope === 'admin') this.#audit(name, body, caller, reply);
    return reply;
  }

  async #counted(method: string, work: () => Promise<Json>): Promise<Reply> {
    const { metrics, logger } = this.#context;
    const end = metrics.seconds.startTimer({ method });
    try {
      const result = await work();
      metrics.requests.inc({ method, code: '0' });
      return { result };
    } catch (error) {
      const known = toApiError(error);
      if (known === undefined) logger.error({ err: error, method }, 'a command failed unexpectedly');
      else if (known.code === errorCodes.internal) logger.warn({ err: error, method }, 'a command failed');
      const told = known ?? new ApiError(errorCodes.internal);
      metrics.requests.inc({
        method,
        code: told.code.code < applicationCodes ? String(told.code.code) : 'application',
      });
      return { error: told };
    } finally {
      end();
    }
  }

  /** What commands change for others is written down, with who sent them; never their data. */
  #audit(method: string, body: Buffer, { holder, address }: Caller, reply: Reply): void {
    const error = 'error' in reply ? reply.error : undefined;
    this.#context.logger.info(
      { audit: true, method, key: holder.name, address, ...subjectOf(body), outcome: error?.code.code ?? 0 },
      `admin command ${method}`,
    );
  }

  async #batch(body: Buffer, caller: Caller): Promise<Json> {
    const params = new Params(body, batch.fields);
    const parallel = params.boolean('parallel');
    const list = params.json('commands') ?? Buffer.alloc(0);
    if (list[0] !== '['.charCodeAt(0)) throw badRequest('commands: expected a list');
    const commands = elementsOf(list).map((command, index) => commandOf(command, index));
    if (commands.length > maxCommands) throw badRequest(`commands: more than ${maxCommands}`);
    const replies = new Array<Json>(commands.length);
    const next = commands.entries();
    const work = async (): Promise<void> => {
      for (const [index, { method, request }] of next) {
        // Of the trace of the batch, whatever came along with that.
        const { keyIfNone } = caller;
        const own = {
          ...caller,
          trace: {},
          ...(keyIfNone === undefined ? {} : { keyIfNone: `${keyIfNone}-${index}` }),
        };
        const reply = await this.run(method, request, own);
        replies[index] = 'result' in reply ? `{"${method}":${reply.result}}` : `{"error":${errorJson(reply.error)}}`;
      }
    };
    await Promise.all(Array.from({ length: parallel ? batchAtOnce : 1 }, work));
    return `{"replies":[${replies.join(',')}]}`;
  }
}

/** The request, with the key that it doesn't bring itself. The rest stays as it was written. @throws ApiError */
function keyed(body: Buffer, { fields }: Method, { keyIfNone }: Caller): Buffer {
  if (keyIfNone === undefined || !Object.hasOwn(fields, 'idempotency_key')) return body;
  const values = objectIn(body);
  if ((values['idempotency_key'] ?? '') !== '') return body;
  const inner = body.subarray(0, body.lastIndexOf('}'));
  const comma = Object.keys(values).length === 0 ? '' : ',';
  return Buffer.concat([inner, Buffer.from(`${comma}"idempotency_key":${JSON.stringify(keyIfNone)}}`)]);
}

/** @throws ApiError */
function commandOf(command: Buffer, index: number): { readonly method: string; readonly request: Buffer } {
  const where = `commands[${index}]`;
  if (command.toString('latin1').trimStart()[0] !== '{') throw badRequest(`${where}: expected an object`);
  const names = Object.keys(objectIn(command));
  const [method] = names;
  if (names.length !== 1 || method === undefined) throw badRequest(`${where}: expected one member, the method`);
  if (method === batch.name) throw badRequest(`${where}: a batch can not hold another`);
  const specs = { [method]: { type: 'json', description: '' } } as const;
  return { method, request: new Params(command, specs).json(method) ?? Buffer.alloc(0) };
}

/** Whom or what a command is about. */
function subjectOf(body: Buffer): Record<string, unknown> {
  try {
    const { user, client, session: secret, channel, uid } = objectIn(body);
    // Who knows a session commands as its client.
    const session = typeof secret === 'string' && secret !== '' ? sessionDigest(secret) : undefined;
    return Object.fromEntries(
      Object.entries({ user, client, session, channel, uid }).filter(([, value]) => typeof value === 'string'),
    );
  } catch {
    return {};
  }
}
