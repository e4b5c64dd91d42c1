import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HttpRequest as NativeRequest, HttpResponse as NativeResponse, us_socket_context_t } from 'uWebSockets.js';
import { diagnoseListenFailure, formatAddress, resolveHost } from '../common/address.ts';
import { type BodyCollector, IncomingRequest } from '../common/body.ts';
import { DEFAULT_CLOSE_TIMEOUT_MS } from '../common/closing.ts';
import { runHttpRoute } from '../common/handle-http.ts';
import { EndedResponses } from '../common/ended-responses.ts';
import { decideHandshake, wantsWebSocket } from '../common/handshake.ts';
import { Head } from '../common/head.ts';
import { isSameCertificate, readCertificate } from '../common/certificate.ts';
import { crash, type Report } from '../common/report.ts';
import { type AnyWebSocketRoute, notFound, Routes } from '../common/routes.ts';
import { TrustedProxies } from '../common/trusted-proxies.ts';
import { SocketServerError } from '../errors.ts';
import type {
  CertificateFiles,
  CertificateInfo,
  HttpRoute,
  HttpStatusAndBody,
  SocketServer,
  SocketServerOptions,
  WebSocketRoute,
} from '../port.ts';
import { UwsApp } from './app.ts';
import { type Attachment, LingeringSockets } from './lingering.ts';
import type { UwsModule } from './load.ts';
import { UwsResponse, type UwsResponseContext } from './response.ts';
import { type UwsRouteContext, UwsSocket } from './socket.ts';
import { toNative } from './text.ts';
import { behaviorOf } from './web-socket-behavior.ts';

/**
 * What one publish may cost in compression, in bytes times receivers: the library compresses for each of them, about 50 MB/s,
 * and everybody waits meanwhile. Beyond it the message goes as it is.
 */
const MAX_FAN_OUT_COMPRESSION = 1024 * 1024;

/** The adapter over uWebSockets.js. */
export class UwsServer implements SocketServer {
  readonly implementation = 'uws';
  readonly #uws: UwsModule;
  readonly #report: Report;
  readonly #reusePort: boolean;
  readonly #lingering: LingeringSockets;
  readonly #compressFrom: number;
  readonly #proxies: TrustedProxies;
  readonly #files: CertificateFiles | undefined;
  readonly #ended: EndedResponses;
  readonly #routes = new Routes();
  /** The newest takes connections; the others have some left. */
  #app: UwsApp;
  #apps: UwsApp[];
  #where = { address: '', port: 0 };
  #stopping = false;

  /** @throws SocketServerError `invalid-certificate` */
  constructor(uws: UwsModule, options: SocketServerOptions = {}) {
    this.#uws = uws;
    this.#files = options.tls;
    this.#app = UwsApp.create(uws, options.tls);
    this.#apps = [this.#app];
    this.#compressFrom = options.compression?.minBytes ?? Infinity;
    this.#proxies = options.trustedProxies ?? new TrustedProxies();
    this.#report = options.onError ?? crash;
    this.#reusePort = options.reusePort ?? false;
    const closeTimeoutMs = options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS;
    this.#lingering = new LingeringSockets(closeTimeoutMs);
    this.#ended = new EndedResponses(closeTimeoutMs);
  }

  webSocket<Data>(route: WebSocketRoute<Data>): void {
    this.#routes.addWebSocket(route);
  }

  http(route: HttpRoute): void {
    this.#routes.addHttp(route);
  }

  async listen(host: string, port: number): Promise<number> {
    this.#routes.seal();
    this.#declareAll(this.#app);
    const address = await resolveHost(host, port);
    const bound = this.#bind(this.#app, address, port);
    if (bound === undefined) throw await diagnoseListenFailure(address, host, port);
    this.#where = { address, port: bound };
    return bound;
  }

  publish(topic: string, message: string | Uint8Array, isBinary: boolean): void {
    if (this.#stopping) return;
    const [to, what] = [toNative(topic), toNative(message)];
    for (const app of this.#apps) {
      const compress =
        message.length >= this.#compressFrom &&
        message.length * app.native.numSubscribers(to) <= MAX_FAN_OUT_COMPRESSION;
      app.native.publish(to, what, isBinary, compress);
    }
  }

  subscribers(topic: string): number {
    if (this.#stopping) return 0;
    let count = 0;
    for (const app of this.#apps) count += app.native.numSubscribers(toNative(topic));
    return count;
  }

  pauseAccepting(): void {
    // While the certificate is exchanged there are two.
    for (const app of this.#apps) app.pauseAccepting();
  }

  get certificate(): CertificateInfo | undefined {
    return this.#app.certificate?.info;
  }

  async reloadCertificate(): Promise<boolean> {
    const before = this.#app;
    if (this.#files === undefined || before.certificate === undefined || !before.isListening) return false;
    if (isSameCertificate(readCertificate(this.#files), before.certificate)) return false;
    const next = UwsApp.create(this.#uws, this.#files);
    this.#declareAll(next);
    if (next.listen(this.#where.address, this.#where.port, 0) === undefined) {
      throw new SocketServerError('listen-failed', 'the port cannot be shared with the next certificate');
    }
    this.#app = next;
    this.#apps.push(next);
    // What waits to be accepted would be reset: it is taken by the poll that lies between two turns.
    await nextTurn();
    await nextTurn();
    before.pauseAccepting();
    this.#forgetEmpty();
    return true;
  }

  async flushed(): Promise<void> {
    await Promise.all([this.#lingering.flushed(), this.#ended.flushed()]);
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.pauseAccepting();
    this.#stopping = true;
    this.#lingering.stop();
    this.#ended.stop();
    for (const app of this.#apps) app.native.close();
    // The library frees what it closed at the end of the loop's turn.
    await nextTurn();
  }

  #bind(app: UwsApp, address: string, port: number): number | undefined {
    if (this.#reusePort) return app.listen(address, port, 0);
    const alone = app.listen(address, port, this.#uws.LIBUS_LISTEN_EXCLUSIVE_PORT);
    if (alone === undefined || this.#files === undefined) return alone;
    // The port is ours; from now on it is shared with the apps of later certificates.
    app.pauseAccepting();
    return app.listen(address, alone, 0);
  }

  #declareAll(app: UwsApp): void {
    const responses: UwsResponseContext = {
      ended: this.#ended,
      opened: () => void app.responses++,
      left: () => {
        app.responses--;
        if (app !== this.#app) this.#forgetEmpty();
      },
    };
    for (const route of this.#routes.webSockets()) this.#declare(app, route, responses);
    app.native.any('/*', (res, req) => this.#handle(res, req, responses));
  }

  #declare(app: UwsApp, route: AnyWebSocketRoute, responses: UwsResponseContext): void {
    const context: UwsRouteContext = {
      lingering: this.#lingering,
      compressFrom: this.#compressFrom,
      isStopping: (): boolean => this.#stopping,
      closed: (socket: UwsSocket<unknown>, code: number, reason: string): void => {
        try {
          route.handler.close(socket, code, reason);
        } catch (error) {
          this.#report(error, `close of ${route.path}`);
        }
      },
    };
    const behavior = behaviorOf(this.#uws, route, context, this.#report);
    app.native.ws<Attachment<UwsSocket<unknown>>>(route.path === '*' ? '/*' : route.path, {
      ...behavior,
      open: (ws) => {
        app.sockets++;
        return behavior.open?.(ws);
      },
      close: (ws, code, message) => {
        app.sockets--;
        behavior.close?.(ws, code, message);
        if (app !== this.#app) this.#forgetEmpty();
      },
      upgrade: (res, req, native) => this.#upgrade(res, req, native, route, context, responses),
    });
  }

  /** Apps of former certificates whose last connection has gone. */
  #forgetEmpty(): void {
    if (!this.#stopping) this.#apps = this.#apps.filter((app) => app === this.#app || !app.isEmpty);
  }

  #upgrade(
    res: NativeResponse,
    req: NativeRequest,
    native: us_socket_context_t,
    route: AnyWebSocketRoute,
    context: UwsRouteContext,
    responses: UwsResponseContext,
  ): void {
    const headers = copyHeaders(req);
    const head = new Head('GET', req.getUrl(), req.getQuery(), headers, this.#proxies.clientOf(peerOf(res), headers));
    // The library takes any request with a key for an upgrade; HTTP asks for the Upgrade header too.
    if (!wantsWebSocket(head)) {
      this.#handle(res, req, responses);
      return;
    }
    const result = decideHandshake(head, route.handler, this.#report);
    if (!result.accepted) {
      respond(new UwsResponse(res, false, responses), result.response);
      return;
    }
    const socket = new UwsSocket(result.data, head.remoteAddress, context);
    const attachment: Attachment<UwsSocket<unknown>> = { socket };
    // Without compression no extensions are passed on, so that none is negotiated.
    const extensions = this.#compressFrom === Infinity ? '' : head.header('sec-websocket-extensions');
    res.upgrade(attachment, head.header('sec-websocket-key'), result.protocol, extensions, native);
  }

  #handle(res: NativeResponse, req: NativeRequest, responses: UwsResponseContext): void {
    const method = req.getCaseSensitiveMethod();
    const headers = copyHeaders(req);
    const client = this.#proxies.clientOf(peerOf(res), headers);
    const request = new IncomingRequest(method, req.getUrl(), req.getQuery(), headers, client, (collector) =>
      feed(res, collector),
    );
    const response = new UwsResponse(res, method === 'HEAD', responses);
    // Unless somebody listens for the abort, the library ends the process when a handler answers later.
    const { pending } = request;
    res.onAborted(() => {
      pending.abort();
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
    pending.endFirstTurn();
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
