import type {
  CertificateInfo,
  HttpRoute,
  Report,
  RequestHead,
  SocketServer,
  SocketServerOptions,
  Topics,
  WebSocketRoute,
} from '@pharos/socket-server';

import { TestkitError } from '../errors.ts';
import { Seat, type SeatClient } from './seat.ts';
import { type SeatContext, SeatSocket } from './seat-socket.ts';
import { Turns } from './turns.ts';

export interface SeatRequest {
  readonly path: string;
  /** Without the `?`. @default none */
  readonly query?: string;
  /** Names in lower case. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** @default none */
  readonly protocols?: readonly string[];
}

const seatAddress = '127.0.0.1';

/**
 * A socket server that also takes connections from its own process, which need no descriptor. To the handlers of its routes they are
 * connections like the others: the same upgrade, messages, topics, closes. What a WebSocket has below its messages they haven't:
 * frames, compression, a kernel's buffers, a reader that is slow.
 */
export class SeatingServer implements SocketServer {
  readonly #server: SocketServer;
  readonly #onError: Report;
  readonly #contexts = new Map<string, SeatContext>();
  readonly #topics: Topics<SeatSocket>;
  readonly #closing: SeatContext['closing'];
  readonly #turns = new Turns();
  readonly #seats = new Set<SeatSocket>();
  #isAccepting = false;

  private constructor(
    server: SocketServer,
    onError: Report,
    topics: Topics<SeatSocket>,
    closing: SeatContext['closing'],
  ) {
    this.#server = server;
    this.#onError = onError;
    this.#topics = topics;
    this.#closing = closing;
  }

  /** @param server the one for everybody who comes by a socket, not listening yet */
  static async over(
    server: SocketServer,
    { onError }: Pick<SocketServerOptions, 'onError'> = {},
  ): Promise<SeatingServer> {
    // Loaded here and not by every test that uses anything of the testkit: socket servers take long to load.
    const { Topics, checkCloseCode, crash, fitReason } = await import('@pharos/socket-server');
    return new SeatingServer(server, onError ?? crash, new Topics(), { checkCloseCode, fitReason });
  }

  get implementation(): 'uws' | 'ws' {
    return this.#server.implementation;
  }

  /** Those that are taken. */
  get seats(): number {
    return this.#seats.size;
  }

  /** Connects. @throws TestkitError `refused`, with the status and the body */
  seat(request: SeatRequest, client: SeatClient): Seat {
    const context = this.#contexts.get(request.path) ?? this.#contexts.get('*');
    if (!this.#isAccepting) throw new TestkitError('refused', 'the server takes no connections');
    if (context === undefined) throw new TestkitError('refused', `there is no WebSocket route ${request.path}`);
    const decision = context.route.handler.upgrade(headOf(request), request.protocols ?? []);
    if ('refuse' in decision) {
      const { status, body = '' } = decision.refuse;
      throw new TestkitError('refused', `the upgrade was answered with ${status}: ${body.trim()}`);
    }
    const socket = new SeatSocket(decision.accept, seatAddress, context, client);
    this.#seats.add(socket);
    this.#turns.add(() => socket.open());
    return new Seat(socket);
  }

  webSocket<Data>(route: WebSocketRoute<Data>): void {
    this.#server.webSocket(route);
    this.#contexts.set(route.path, {
      route,
      turns: this.#turns,
      topics: this.#topics,
      closing: this.#closing,
      onError: this.#onError,
      left: (socket) => void this.#seats.delete(socket),
    });
  }

  http(route: HttpRoute): void {
    this.#server.http(route);
  }

  async listen(host: string, port: number): Promise<number> {
    const bound = await this.#server.listen(host, port);
    this.#isAccepting = true;
    return bound;
  }

  publish(topic: string, message: string | Uint8Array, isBinary: boolean): void {
    this.#server.publish(topic, message, isBinary);
    const sockets = this.#topics.subscribers(topic);
    if (sockets.size === 0) return;
    const copy = Buffer.from(message);
    for (const socket of sockets) socket.deliver(copy, isBinary);
  }

  subscribers(topic: string): number {
    return this.#server.subscribers(topic) + this.#topics.subscribers(topic).size;
  }

  get certificate(): CertificateInfo | undefined {
    return this.#server.certificate;
  }

  reloadCertificate(): Promise<boolean> {
    return this.#server.reloadCertificate();
  }

  pauseAccepting(): void {
    this.#isAccepting = false;
    this.#server.pauseAccepting();
  }

  async flushed(): Promise<void> {
    await Promise.all([this.#server.flushed(), this.#turns.settled()]);
  }

  async stop(): Promise<void> {
    this.#isAccepting = false;
    for (const socket of [...this.#seats]) socket.terminate();
    await Promise.all([this.#server.stop(), this.#turns.settled()]);
  }
}

function headOf({ path, query = '', headers = {} }: SeatRequest): RequestHead {
  return { method: 'GET', path, query, header: (name) => headers[name] ?? '', remoteAddress: seatAddress };
}
