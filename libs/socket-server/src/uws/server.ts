import type {
  HttpRequest as NativeRequest,
  HttpResponse as NativeResponse,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
} from 'uWebSockets.js';
import { diagnoseListenFailure, formatAddress, resolveHost } from '../common/address.ts';
import { type BodyCollector, IncomingRequest } from '../common/body.ts';
import { DEFAULT_CLOSE_TIMEOUT_MS } from '../common/closing.ts';
import { runHttpRoute } from '../common/handle-http.ts';
import { decideHandshake, wantsWebSocket } from '../common/handshake.ts';
import { Head } from '../common/head.ts';
import { crash, type Report } from '../common/report.ts';
import { type AnyWebSocketRoute, notFound, Routes } from '../common/routes.ts';
import type { HttpRoute, HttpStatusAndBody, SocketServer, SocketServerOptions, WebSocketRoute } from '../port.ts';
import { type Attachment, LingeringSockets } from './lingering.ts';
import type { UwsModule } from './load.ts';
import { UwsResponse } from './response.ts';
import { UwsSocket } from './socket.ts';
import { behaviorOf } from './web-socket-behavior.ts';

/** The adapter over uWebSockets.js. */
export class UwsServer implements SocketServer {
  readonly implementation = 'uws';
  readonly #uws: UwsModule;
  readonly #app: TemplatedApp;
  readonly #report: Report;
  readonly #reusePort: boolean;
  readonly #lingering: LingeringSockets;
  readonly #routes = new Routes();
  #listenSocket: us_listen_socket | undefined;
  #stopping = false;

  constructor(uws: UwsModule, options: SocketServerOptions = {}) {
    this.#uws = uws;
    this.#app = uws.App();
    this.#report = options.onError ?? crash;
    this.#reusePort = options.reusePort ?? false;
    this.#lingering = new LingeringSockets(options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS);
  }

  webSocket<Data>(route: WebSocketRoute<Data>): void {
    this.#routes.addWebSocket(route);
  }

  http(route: HttpRoute): void {
    this.#routes.addHttp(route);
  }

  async listen(host: string, port: number): Promise<number> {
    this.#routes.seal();
    for (const route of this.#routes.webSockets()) this.#declare(route);
    this.#app.any('/*', (res, req) => this.#handle(res, req));
    const address = await resolveHost(host, port);
    const listenSocket = this.#bind(address, port);
    if (listenSocket === false) throw await diagnoseListenFailure(address, host, port);
    this.#listenSocket = listenSocket;
    return this.#uws.us_socket_local_port(listenSocket);
  }

  publish(topic: string, message: string | Uint8Array, isBinary: boolean): void {
    if (!this.#stopping) this.#app.publish(topic, message, isBinary);
  }

  subscribers(topic: string): number {
    return this.#stopping ? 0 : this.#app.numSubscribers(topic);
  }

  pauseAccepting(): void {
    if (this.#listenSocket === undefined) return;
    this.#uws.us_listen_socket_close(this.#listenSocket);
    this.#listenSocket = undefined;
  }

  flushed(): Promise<void> {
    return this.#lingering.flushed();
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.pauseAccepting();
    this.#stopping = true;
    this.#lingering.stop();
    this.#app.close();
    // The library frees what it closed at the end of the loop's turn.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #bind(address: string, port: number): us_listen_socket | false {
    let bound: us_listen_socket | false = false;
    const take = (socket: us_listen_socket | false): void => {
      bound = socket;
    };
    // The types leave out the overload of host, port, options, callback, which the library has.
    const listen = this.#app.listen.bind(this.#app) as unknown as ListenWithOptions;
    listen(address, port, this.#reusePort ? 0 : this.#uws.LIBUS_LISTEN_EXCLUSIVE_PORT, take);
    return bound;
  }

  #declare(route: AnyWebSocketRoute): void {
    const context = {
      lingering: this.#lingering,
      isStopping: (): boolean => this.#stopping,
      closed: (socket: UwsSocket<unknown>, code: number, reason: string): void => {
        try {
          route.handler.close(socket, code, reason);
        } catch (error) {
          this.#report(error, `close of ${route.path}`);
        }
      },
    };
    this.#app.ws<Attachment<UwsSocket<unknown>>>(route.path === '*' ? '/*' : route.path, {
      ...behaviorOf(this.#uws, route, context, this.#report),
      upgrade: (res, req, native) => this.#upgrade(res, req, native, route, context),
    });
  }

  #upgrade(
    res: NativeResponse,
    req: NativeRequest,
    native: us_socket_context_t,
    route: AnyWebSocketRoute,
    context: ConstructorParameters<typeof UwsSocket>[2],
  ): void {
    const head = new Head('GET', req.getUrl(), req.getQuery(), copyHeaders(req), peerOf(res));
    // The library takes any request with a key for an upgrade; HTTP asks for the Upgrade header too.
    if (!wantsWebSocket(head)) {
      this.#handle(res, req);
      return;
    }
    const result = decideHandshake(head, route.handler, this.#report);
    if (!result.accepted) {
      answer(res, result.response);
      return;
    }
    const socket = new UwsSocket(result.data, head.remoteAddress, context);
    const attachment: Attachment<UwsSocket<unknown>> = { socket };
    // No extensions are passed on, so that none is negotiated.
    res.upgrade(attachment, head.header('sec-websocket-key'), result.protocol, '', native);
  }

  #handle(res: NativeResponse, req: NativeRequest): void {
    const method = req.getCaseSensitiveMethod();
    const request = new IncomingRequest(
      method,
      req.getUrl(),
      req.getQuery(),
      copyHeaders(req),
      peerOf(res),
      (collector) => feed(res, collector),
    );
    const response = new UwsResponse(res, method === 'HEAD');
    // Unless somebody listens for the abort, the library ends the process when a handler answers later.
    res.onAborted(() => {
      request.abort();
      response.nativeAborted();
    });
    if (wantsWebSocket(request)) {
      this.#refuseUpgrade(request, response);
      return;
    }
    const found = this.#routes.httpFor(method, request.path);
    if ('response' in found) {
      respond(response, found.response);
      return;
    }
    runHttpRoute(found.route, request, response, this.#report);
    request.endFirstTurn();
  }

  /** Upgrades come here where no route takes them, or where the library found no key of the right length. */
  #refuseUpgrade(request: IncomingRequest, response: UwsResponse): void {
    const route = this.#routes.webSocketFor(request.path);
    if (route === undefined) {
      respond(response, notFound());
      return;
    }
    const result = decideHandshake(request, route.handler, this.#report);
    respond(response, result.accepted ? notFound() : result.response);
  }
}

type ListenWithOptions = (
  host: string,
  port: number,
  options: number,
  callback: (socket: us_listen_socket | false) => void,
) => void;

function copyHeaders(req: NativeRequest): string[] {
  const headers: string[] = [];
  req.forEach((name, value) => headers.push(name, value));
  return headers;
}

function peerOf(res: NativeResponse): string {
  return formatAddress(new Uint8Array(res.getRemoteAddress()));
}

function feed(res: NativeResponse, collector: BodyCollector): void {
  res.onData((chunk, isLast) => {
    collector.push(new Uint8Array(chunk));
    if (isLast) collector.end();
  });
}

function respond(response: UwsResponse, { status, headers, body }: HttpStatusAndBody): void {
  response.respond(status, headers ?? {}, body);
}

function answer(res: NativeResponse, response: HttpStatusAndBody): void {
  respond(new UwsResponse(res, false), response);
}
