import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, ListenOptions, Socket as TcpSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { listenError, normalizeAddress, resolveHost } from '../common/address.ts';
import { type BodyCollector, IncomingRequest } from '../common/body.ts';
import { type Certificate, isSameCertificate, MIN_TLS_VERSION, readCertificate } from '../common/certificate.ts';
import { DEFAULT_CLOSE_TIMEOUT_MS } from '../common/closing.ts';
import { runHttpRoute } from '../common/handle-http.ts';
import { EndedResponses } from '../common/ended-responses.ts';
import { decideHandshake, wantsWebSocket } from '../common/handshake.ts';
import { Head, MAX_HEAD_BYTES } from '../common/head.ts';
import { crash, type Report } from '../common/report.ts';
import { notFound, Routes } from '../common/routes.ts';
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
import { compressedFrame, dataFrame } from './frame.ts';
import { WsHttpResponse } from './response.ts';
import { RouteSockets } from './route-sockets.ts';
import type { WsSocket } from './socket.ts';
import { Topics } from '../common/topics.ts';

/** Against peers that open a connection and say nothing; uWebSockets.js gives them as long. */
const HEAD_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const TIMEOUT_CHECK_MS = 5_000;

/** The adapter over the `ws` package and Node's HTTP server. */
export class WsServer implements SocketServer {
  readonly implementation = 'ws';
  readonly #server: Server;
  readonly #report: Report;
  readonly #reusePort: boolean;
  readonly #closeTimeoutMs: number;
  readonly #compressFrom: number;
  readonly #proxies: TrustedProxies;
  readonly #files: CertificateFiles | undefined;
  #tls: { readonly server: TlsServer; certificate: Certificate } | undefined;
  readonly #ended: EndedResponses;
  readonly #routes = new Routes();
  readonly #sockets = new Map<string, RouteSockets>();
  readonly #topics = new Topics<WsSocket<unknown>>();
  #stopped: Promise<void> | undefined;

  /** @throws SocketServerError `unsupported-option` where this Node.js cannot share a port, `invalid-certificate` */
  constructor(options: SocketServerOptions = {}) {
    this.#proxies = options.trustedProxies ?? new TrustedProxies();
    this.#report = options.onError ?? crash;
    this.#reusePort = options.reusePort ?? false;
    this.#closeTimeoutMs = options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS;
    this.#compressFrom = options.compression?.minBytes ?? Infinity;
    this.#files = options.tls;
    this.#ended = new EndedResponses(this.#closeTimeoutMs);
    if (this.#reusePort && !canReusePort(process.versions.node)) {
      throw new SocketServerError(
        'unsupported-option',
        `reusePort with the ws implementation: Node.js ${process.versions.node} cannot share a port, expected 22.12, 23.1 or later`,
      );
    }
    this.#server = this.#create();
    this.#server.on('request', (req: IncomingMessage, res: ServerResponse) => this.#handle(req, res));
    this.#server.on('upgrade', (req: IncomingMessage, tcp: Duplex, head: Buffer) => {
      // Node's HTTP server upgrades nothing but TCP sockets; its type is wider.
      this.#upgrade(req, tcp as TcpSocket, head);
    });
  }

  #create(): Server {
    const limits = {
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: HEAD_TIMEOUT_MS,
      keepAliveTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    };
    if (this.#files === undefined) return createServer(limits);
    const certificate = readCertificate(this.#files);
    const server = createTlsServer({ ...limits, ...contextOf(certificate), handshakeTimeout: HEAD_TIMEOUT_MS });
    this.#tls = { server, certificate };
    return server;
  }

  webSocket<Data>(route: WebSocketRoute<Data>): void {
    this.#routes.addWebSocket(route);
    const options = {
      closeTimeoutMs: this.#closeTimeoutMs,
      compressFrom: this.#compressFrom,
      report: this.#report,
    };
    this.#sockets.set(route.path, new RouteSockets(route, this.#topics, options));
  }

  http(route: HttpRoute): void {
    this.#routes.addHttp(route);
  }

  async listen(host: string, port: number): Promise<number> {
    this.#routes.seal();
    const address = await resolveHost(host, port);
    const options: ListenOptions & { reusePort?: boolean } = { host: address, port, exclusive: true };
    if (this.#reusePort) options.reusePort = true;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void => reject(listenError(error, host, port));
      this.#server.once('error', failed);
      this.#server.listen(options, () => {
        this.#server.off('error', failed);
        this.#server.on('error', (error) => this.#report(error, 'HTTP server'));
        resolve();
      });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  publish(topic: string, message: string | Uint8Array, isBinary: boolean): void {
    const subscribers = this.#topics.subscribers(topic);
    if (subscribers.size === 0) return;
    const frame = dataFrame(message, isBinary);
    const compress = message.length >= this.#compressFrom;
    let short: Buffer | undefined;
    for (const socket of subscribers) {
      if (socket.closed) continue;
      if (compress && socket.compresses) short ??= compressedFrame(message, isBinary) ?? frame;
      socket.writeFrame(short !== undefined && socket.compresses ? short : frame);
    }
  }

  subscribers(topic: string): number {
    return this.#topics.subscribers(topic).size;
  }

  get certificate(): CertificateInfo | undefined {
    return this.#tls?.certificate.info;
  }

  async reloadCertificate(): Promise<boolean> {
    if (this.#files === undefined || this.#tls === undefined || !this.#server.listening) return false;
    const certificate = readCertificate(this.#files);
    if (isSameCertificate(certificate, this.#tls.certificate)) return false;
    this.#tls.server.setSecureContext(contextOf(certificate));
    this.#tls.certificate = certificate;
    return true;
  }

  pauseAccepting(): void {
    if (this.#server.listening) this.#server.close();
  }

  async flushed(): Promise<void> {
    const sockets = [...this.#sockets.values()].map((each) => each.flushed());
    await Promise.all([...sockets, this.#ended.flushed()]);
  }

  stop(): Promise<void> {
    this.#stopped ??= new Promise((resolve) => {
      if (this.#server.listening) this.#server.close();
      for (const sockets of this.#sockets.values()) sockets.destroy();
      this.#ended.stop();
      this.#server.closeAllConnections();
      this.#server.getConnections((_error, count) => {
        if (!count) resolve();
        else this.#server.once('close', resolve);
      });
    });
    return this.#stopped;
  }

  #handle(req: IncomingMessage, res: ServerResponse): void {
    const { method, path, query, address, headers } = this.#describe(req);
    const request = new IncomingRequest(method, path, query, headers, address, (collector) => feed(req, collector));
    const response = new WsHttpResponse(res, method === 'HEAD', this.#ended);
    const { pending } = request;
    res.on('close', () => pending.abort());
    const found = this.#routes.httpFor(method, path);
    if ('response' in found) {
      respond(response, found.response);
      return;
    }
    runHttpRoute(found.route, request, response, this.#report);
    pending.endFirstTurn();
  }

  #upgrade(req: IncomingMessage, tcp: TcpSocket, rest: Buffer): void {
    const { method, path, query, address, headers } = this.#describe(req);
    const head = new Head(method, path, query, headers, address);
    if (!wantsWebSocket(head)) {
      // An upgrade to something else may be ignored, and is: it stays the HTTP request that it was.
      this.#handle(req, responseOn(req, tcp));
      return;
    }
    const route = this.#routes.webSocketFor(path);
    const sockets = route === undefined ? undefined : this.#sockets.get(route.path);
    if (route === undefined || sockets === undefined) {
      respond(new WsHttpResponse(responseOn(req, tcp), false, this.#ended), notFound());
      return;
    }
    const result = decideHandshake(head, route.handler, this.#report);
    if (result.accepted) sockets.accept(req, tcp, rest, address, result);
    else respond(new WsHttpResponse(responseOn(req, tcp), false, this.#ended), result.response);
  }

  #describe(req: IncomingMessage): Described {
    const url = req.url ?? '/';
    const mark = url.indexOf('?');
    const headers = lowerCaseNames(req.rawHeaders);
    return {
      method: req.method ?? 'GET',
      path: mark === -1 ? url : url.slice(0, mark),
      query: mark === -1 ? '' : url.slice(mark + 1),
      address: this.#proxies.clientOf(normalizeAddress(req.socket.remoteAddress ?? ''), headers),
      headers,
    };
  }
}

function contextOf({ cert, key }: Certificate): { cert: Buffer; key: Buffer; minVersion: typeof MIN_TLS_VERSION } {
  return { cert, key, minVersion: MIN_TLS_VERSION };
}

interface Described {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** The client's. */
  readonly address: string;
  readonly headers: readonly string[];
}

/** Node has had the option since 22.12 and 23.1. */
export function canReusePort(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}

function lowerCaseNames(rawHeaders: readonly string[]): string[] {
  return rawHeaders.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text));
}

function feed(req: IncomingMessage, collector: BodyCollector): void {
  req.on('data', (chunk: Buffer) => collector.push(chunk));
  req.on('end', () => collector.end());
  req.on('error', () => collector.abort());
}

function respond(response: WsHttpResponse, { status, headers, body }: HttpStatusAndBody): void {
  response.respond(status, headers ?? {}, body);
}

/** A response on a connection that Node has handed over for an upgrade which doesn't take place; closes it afterwards. */
function responseOn(req: IncomingMessage, tcp: TcpSocket): ServerResponse {
  const response = new ServerResponse(req);
  response.shouldKeepAlive = false;
  response.assignSocket(tcp);
  // A peer that resets the connection meanwhile: 'close' follows, and there is nobody left to tell.
  tcp.on('error', () => tcp.destroy());
  response.on('finish', () => tcp.destroySoon());
  return response;
}
