import type { IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import {
  HANDLER_FAILED,
  INVALID_COMPRESSION,
  INVALID_UTF8,
  MESSAGE_TOO_LARGE,
  PROTOCOL_ERROR,
  type Violation,
} from '../common/closing.ts';
import { Emptiness } from '../common/emptiness.ts';
import type { Report } from '../common/report.ts';
import type { AnyWebSocketRoute } from '../common/routes.ts';
import { IdleWatch } from './idle.ts';
import { WsSocket, type WsRouteContext } from './socket.ts';
import type { Topics } from '../common/topics.ts';

export interface RouteSocketsOptions {
  readonly closeTimeoutMs: number;
  /** From how many bytes on messages are compressed; Infinity: never. */
  readonly compressFrom: number;
  readonly report: Report;
}

/**
 * Every message for itself: a published one is compressed once for all, and neither side keeps a window between two. A smaller
 * window that a client asks for is not taken, since the one frame must fit all.
 */
const deflateOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: false,
} as const;

/** The connections of one route. */
export class RouteSockets {
  readonly #route: AnyWebSocketRoute;
  readonly #report: Report;
  readonly #library: WebSocketServer;
  readonly #context: WsRouteContext;
  readonly #idle: IdleWatch | undefined;
  /** Until the TCP connection is gone, which may be after the owner's `close`. */
  readonly #connected = new Set<WsSocket<unknown>>();
  /** Those of them that their owner is done with. */
  readonly #ending = new Set<WsSocket<unknown>>();
  readonly #ended = new Emptiness(this.#ending);
  #unflushed: WsSocket<unknown>[] = [];
  /** What the handshake under way has selected; the library asks for it within `handleUpgrade`. */
  #protocol = '';

  constructor(route: AnyWebSocketRoute, topics: Topics<WsSocket<unknown>>, options: RouteSocketsOptions) {
    const { closeTimeoutMs, compressFrom, report } = options;
    this.#route = route;
    this.#report = report;
    this.#idle = route.idleTimeoutSeconds ? new IdleWatch(route.idleTimeoutSeconds) : undefined;
    // The library has closeTimeout, its published types don't yet.
    const libraryOptions: Omit<ServerOptions, 'perMessageDeflate'> & {
      closeTimeout: number;
      perMessageDeflate: object | false;
    } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: compressFrom === Infinity ? false : deflateOptions,
      maxPayload: route.maxPayloadBytes,
      closeTimeout: closeTimeoutMs,
      handleProtocols: () => (this.#protocol === '' ? false : this.#protocol),
    };
    this.#library = new WebSocketServer(libraryOptions);
    this.#context = {
      topics,
      compressFrom,
      flushLater: (socket) => this.#flushLater(socket),
      closed: (socket, code, reason) => {
        this.#idle?.delete(socket);
        if (this.#connected.has(socket)) this.#ending.add(socket);
        this.#guard(undefined, 'close', () => this.#route.handler.close(socket, code, reason));
      },
    };
  }

  accept(
    req: IncomingMessage,
    tcp: TcpSocket,
    rest: Buffer,
    address: string,
    accepted: { readonly data: unknown; readonly protocol: string },
  ): void {
    this.#protocol = accepted.protocol;
    this.#library.handleUpgrade(req, tcp, rest, (ws) => {
      this.#open(new WsSocket(accepted.data, address, ws, tcp, this.#context), ws, tcp);
    });
  }

  /** Resolves when the connections that were ended are gone. */
  flushed(): Promise<void> {
    return this.#ended.reached();
  }

  destroy(): void {
    for (const socket of this.#connected) socket.destroy();
  }

  #open(socket: WsSocket<unknown>, ws: WebSocket, tcp: TcpSocket): void {
    const { handler } = this.#route;
    this.#connected.add(socket);
    ws.on('message', (message, isBinary) => {
      if (socket.closed) return;
      // The library's default binaryType gives one Buffer a message.
      this.#guard(socket, 'message', () => handler.message(socket, message as Buffer, isBinary));
    });
    ws.on('error', (error) => {
      const violation = violationOf(error);
      if (violation !== undefined) socket.finish(violation.code, violation.reason);
    });
    ws.on('close', (code, reason) => {
      this.#connected.delete(socket);
      socket.finish(code, reason.toString());
      this.#ending.delete(socket);
      this.#ended.check();
    });
    if (handler.drain !== undefined) {
      tcp.on('drain', () => {
        if (!socket.closed) this.#guard(socket, 'drain', () => handler.drain?.(socket));
      });
    }
    this.#idle?.add(socket);
    this.#guard(socket, 'open', () => handler.open(socket));
  }

  #flushLater(socket: WsSocket<unknown>): void {
    this.#unflushed.push(socket);
    if (this.#unflushed.length > 1) return;
    process.nextTick(() => {
      const sockets = this.#unflushed;
      this.#unflushed = [];
      for (const each of sockets) each.flush();
    });
  }

  #guard(socket: WsSocket<unknown> | undefined, what: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#report(error, `${what} of ${this.#route.path}`);
      socket?.end(HANDLER_FAILED.code, HANDLER_FAILED.reason);
    }
  }
}

/** The peer's mistake that an error of the library stands for; none for failures of the connection. */
function violationOf(error: Error): Violation | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  switch (code) {
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
    case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      return MESSAGE_TOO_LARGE;
    case 'WS_ERR_INVALID_UTF8':
      return INVALID_UTF8;
    default:
      if (code.startsWith('Z_')) return INVALID_COMPRESSION;
      return code.startsWith('WS_ERR_') ? PROTOCOL_ERROR : undefined;
  }
}
