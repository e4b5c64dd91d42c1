import { ProtocolError } from '@pharos/client-protocol';
import {
  type HttpRequest,
  type HttpResponse,
  type HttpRoute,
  type RequestHead,
  SocketServerError,
} from '@pharos/socket-server';

import { BodyBudget } from './body-budget.ts';
import type { Admission } from './admission.ts';

/** However steadily a body trickles in. */
const bodyTimeoutMs = 10_000;
/** Bodies that come in at the same time, over all requests. */
const maxBodiesBytes = 64 * 1024 * 1024;
/** How long browsers remember what they were allowed, in seconds. */
const preflightSeconds = '300';

const textHeaders = { 'Content-Type': 'text/plain; charset=utf-8' };

/** How a body that isn't taken is answered. */
export type BodyRefusal = 'busy' | 'too_large' | 'too_slow' | 'gone';

/** What the endpoints of clients without WebSocket have in common: pages of other origins, and bodies. */
export class HttpDoor {
  readonly #admission: Pick<Admission, 'origin'>;
  readonly #budget = new BodyBudget(maxBodiesBytes);
  readonly #bodyTimeoutMs: number;

  /** @param timeoutMs for a body @default 10000 */
  constructor(admission: Pick<Admission, 'origin'>, timeoutMs: number = bodyTimeoutMs) {
    this.#admission = admission;
    this.#bodyTimeoutMs = timeoutMs;
  }

  allows(head: RequestHead): boolean {
    return this.#admission.origin.allowsRequest(head);
  }

  /** Answers a request in a form that a page of another origin may read, where that origin is allowed. */
  respond(
    head: RequestHead,
    response: HttpResponse,
    status: number,
    body = '',
    headers: Readonly<Record<string, string>> = {},
  ): void {
    const type = body === '' ? {} : textHeaders;
    response.respond(status, { ...this.headersFor(head), ...type, ...headers }, body);
  }

  headersFor(head: RequestHead): Readonly<Record<string, string>> {
    return this.#admission.origin.crossOriginHeaders(head);
  }

  /** What a browser asks before it lets a page of another origin send what an HTML form couldn't. */
  preflight(path: string, methods: string): HttpRoute {
    return {
      method: 'OPTIONS',
      path,
      handle: (request, response): void => {
        if (!this.allows(request)) return this.respond(request, response, 403);
        const asked = request.header('access-control-request-headers');
        this.respond(request, response, 204, '', {
          'Access-Control-Allow-Methods': methods,
          'Access-Control-Allow-Headers': /^[\w\-, ]{1,1000}$/.test(asked) ? asked : 'content-type',
          'Access-Control-Max-Age': preflightSeconds,
        });
      },
    };
  }

  /** What a request holds; undefined, and answered with 400, where that can't be read. */
  read<T>(request: HttpRequest, response: HttpResponse, decode: () => T): T | undefined {
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.respond(request, response, 400, `${error.message}\n`);
      return undefined;
    }
  }

  /** The body of a request, in the handler's first turn; where it isn't to be had, it is answered so. */
  async body(request: HttpRequest, response: HttpResponse, maxBytes: number): Promise<Buffer | BodyRefusal> {
    const room = this.#budget.take(request, maxBytes);
    if (room === undefined) {
      this.respond(request, response, 503, 'The server takes no more requests at the moment.\n', {
        'Retry-After': '1',
      });
      return 'busy';
    }
    try {
      return await request.body(maxBytes, this.#bodyTimeoutMs);
    } catch (error) {
      if (!(error instanceof SocketServerError)) throw error;
      switch (error.code) {
        case 'body-too-large':
          this.respond(request, response, 413, `${error.message}\n`);
          return 'too_large';
        case 'body-timeout':
          response.respondAndClose(408, { ...this.headersFor(request), ...textHeaders }, `${error.message}\n`);
          return 'too_slow';
        case 'aborted':
          return 'gone';
        default:
          throw error;
      }
    } finally {
      this.#budget.give(request, room);
    }
  }
}
