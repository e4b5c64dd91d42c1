import { errorCodes } from '@pharos/client-protocol';
import { type HttpRequest, type HttpResponse, type HttpRoute, SocketServerError } from '@pharos/socket-server';

import { type Api, batch, type Caller, methods, type Reply } from '../api.ts';
import { ApiError, badRequest, toApiError } from '../api-error.ts';
import type { ApiKeys } from '../keys.ts';
import type { ApiMetrics } from '../metrics.ts';
import { errorJson } from '../methods/replies.ts';
import { Params } from '../params.ts';

/** What is looked at for each request. */
export interface RouteSettings {
  readonly keys: ApiKeys;
  readonly bodyLimit: number;
  readonly maxRequests: number;
}

export interface RoutesOptions {
  readonly settings: RouteSettings;
  readonly metrics: ApiMetrics;
  /** A text where it can't be had, with why. */
  readonly api: () => Api | string;
  /** The document at /api/openapi.json. */
  readonly openApi: string;
}

interface Command {
  readonly method: string;
  readonly request: Buffer;
}

/** Bodies that are in memory at the same time. */
const maxBodyBytes = 256 * 1024 * 1024;

const jsonHeaders = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };

/** In transport mode; what isn't here is a 400. */
const statuses: ReadonlyMap<number, number> = new Map([
  [100, 500],
  [101, 401],
  [102, 404],
  [103, 403],
  [104, 404],
  [106, 413],
  [111, 429],
  [112, 416],
]);

/** The API over HTTP: a route for each method, and the older form that names the method in the body. */
export class ApiRoutes {
  readonly #options: RoutesOptions;
  #settings: RouteSettings;
  readonly #idle: (() => void)[] = [];
  #underWay = 0;
  #bodyBytes = 0;

  constructor(options: RoutesOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  /** For requests that come from now on. */
  configure(settings: RouteSettings): void {
    this.#settings = settings;
  }

  /** Resolves when no request is worked on. */
  async settled(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  all(): HttpRoute[] {
    const names = [...methods.keys(), batch.name];
    return [
      ...names.map((method) => this.#route(`/api/${method}`, (request) => ({ method, request }))),
      this.#route('/api', commandIn),
      {
        method: 'GET',
        path: '/api/openapi.json',
        handle: (_request, response): void => response.respond(200, jsonHeaders, this.#options.openApi),
      },
    ];
  }

  #route(path: string, read: (body: Buffer) => Command): HttpRoute {
    return {
      method: 'POST',
      path,
      handle: async (request, response): Promise<void> => {
        const { metrics } = this.#options;
        const { keys, maxRequests, bodyLimit } = this.#settings;
        const refuse = (reason: string, status: number, error: ApiError): void => {
          metrics.refused.inc({ reason });
          send(response, status, { error });
        };
        const holder = keys.holderOf(request);
        // Whoever has no key learns nothing, whichever way errors are told.
        if (holder === undefined) return refuse('key', 401, new ApiError(errorCodes.unauthorized));
        const api = this.#options.api();
        if (typeof api === 'string') return refuse('not_ready', 503, new ApiError(errorCodes.internal, api));
        const size = bodySize(request, bodyLimit);
        const isFull = this.#underWay >= maxRequests || this.#bodyBytes + size > maxBodyBytes;
        if (isFull) return refuse('busy', 503, new ApiError(errorCodes.tooManyRequests));
        this.#begin(size);
        try {
          const trace = { traceparent: request.header('traceparent'), tracestate: request.header('tracestate') };
          const caller = { holder, address: request.remoteAddress, trace };
          const reply = await this.#reply(api, request, read, caller, bodyLimit);
          const isTransport = request.header('x-centrifugo-error-mode').toLowerCase() === 'transport';
          if (reply !== undefined) send(response, isTransport ? statusOf(reply) : 200, reply);
        } finally {
          this.#end(size);
        }
      },
    };
  }

  /** Undefined where nobody waits for it any more. */
  async #reply(
    api: Api,
    request: HttpRequest,
    read: (body: Buffer) => Command,
    caller: Caller,
    bodyLimit: number,
  ): Promise<Reply | undefined> {
    const { metrics } = this.#options;
    try {
      const { method, request: body } = read(await request.body(bodyLimit));
      return await api.run(method, body, caller);
    } catch (error) {
      if (error instanceof SocketServerError && error.code === 'aborted') return undefined;
      if (error instanceof SocketServerError && error.code === 'body-too-large') {
        metrics.refused.inc({ reason: 'size' });
        return { error: new ApiError(errorCodes.limitExceeded, `the body is larger than ${bodyLimit} bytes`) };
      }
      const known = toApiError(error);
      if (known === undefined) throw error;
      return { error: known };
    }
  }

  #begin(size: number): void {
    this.#underWay++;
    this.#bodyBytes += size;
    this.#options.metrics.underWay.set(this.#underWay);
  }

  #end(size: number): void {
    this.#underWay--;
    this.#bodyBytes -= size;
    this.#options.metrics.underWay.set(this.#underWay);
    if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** `{"method": …, "params": …}`. @throws ApiError */
function commandIn(body: Buffer): Command {
  const params = new Params(body, {
    method: { type: 'string', required: true, description: '' },
    params: { type: 'json', description: '' },
  });
  const method = params.string('method');
  if (method === '') throw badRequest('method: it is empty');
  return { method, request: params.json('params') ?? Buffer.from('{}') };
}

/** What the body may take, by what the request says of it. */
function bodySize(request: HttpRequest, limit: number): number {
  const length = Number(request.header('content-length'));
  return length > 0 ? Math.min(length, limit) : limit;
}

function statusOf(reply: Reply): number {
  return 'result' in reply ? 200 : (statuses.get(reply.error.code.code) ?? 400);
}

function send(response: HttpResponse, status: number, reply: Reply): void {
  const body = 'result' in reply ? `{"result":${reply.result}}` : `{"error":${errorJson(reply.error)}}`;
  response.respond(status, jsonHeaders, body);
}
