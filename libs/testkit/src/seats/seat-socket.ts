import { isUtf8 } from 'node:buffer';
import type { checkCloseCode, fitReason, Report, Socket, Topics, WebSocketRoute } from '@pharos/socket-server';

import type { SeatClient } from './seat.ts';
import type { Turns } from './turns.ts';

/** What a seat needs of its server, one object for all of a route's seats. */
export interface SeatContext {
  readonly route: WebSocketRoute<unknown>;
  readonly turns: Turns;
  readonly topics: Topics<SeatSocket>;
  /** The rules of the port's other adapters. */
  readonly closing: { readonly checkCloseCode: typeof checkCloseCode; readonly fitReason: typeof fitReason };
  readonly onError: Report;
  /** It is over, for the server. */
  left(socket: SeatSocket): void;
}

/** The server's half of a connection without a socket. The client takes all that waits for it in the next turn. */
export class SeatSocket implements Socket<unknown> {
  readonly data: unknown;
  readonly remoteAddress: string;
  readonly #context: SeatContext;
  readonly #client: SeatClient;
  /** Over for the server: its handler was told. */
  #closed = false;
  /** The client gets nothing any more: it has gone, was dropped, or had its last word. */
  #isDeaf = false;
  #waitingBytes = 0;

  constructor(data: unknown, remoteAddress: string, context: SeatContext, client: SeatClient) {
    this.data = data;
    this.remoteAddress = remoteAddress;
    this.#context = context;
    this.#client = client;
  }

  /** In a turn of its own after the upgrade. */
  open(): void {
    if (this.#closed) return;
    if (!this.#isDeaf) this.#client.opened();
    this.#handle('open', () => this.#context.route.handler.open(this));
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(message: string | Uint8Array, isBinary: boolean): boolean {
    if (this.#closed) return false;
    this.deliver(Buffer.from(message), isBinary);
    return true;
  }

  /** Takes what nobody changes any more to the client. */
  deliver(message: Buffer, isBinary: boolean): void {
    this.#waitingBytes += message.length;
    this.#context.turns.add(() => {
      this.#waitingBytes -= message.length;
      if (!this.#isDeaf) this.#client.message(message, isBinary);
    });
  }

  bufferedAmount(): number {
    return this.#closed ? 0 : this.#waitingBytes;
  }

  subscribe(topic: string): boolean {
    if (this.#closed) return false;
    this.#context.topics.subscribe(this, topic);
    return true;
  }

  unsubscribe(topic: string): boolean {
    return this.#closed ? false : this.#context.topics.unsubscribe(this, topic);
  }

  cork(write: () => void): void {
    // What a turn sends is handed over together anyway.
    if (!this.#closed) write();
  }

  end(code: number, reason: string): void {
    const { closing } = this.#context;
    closing.checkCloseCode(code);
    if (this.#closed) return;
    const fitted = closing.fitReason(reason);
    this.#context.turns.add(() => this.#farewell(code, fitted));
    this.#finish(code, fitted);
  }

  terminate(): void {
    if (this.#closed) return;
    const wasDeaf = this.#isDeaf;
    this.#isDeaf = true;
    if (!wasDeaf) this.#context.turns.add(() => this.#client.closed(1006, ''));
    this.#finish(1006, '');
  }

  sentByClient(message: Buffer, isBinary: boolean): void {
    const { turns, route } = this.#context;
    turns.add(() => {
      if (this.#closed) return;
      if (message.length > route.maxPayloadBytes) this.end(1009, 'message too large');
      else if (!isBinary && !isUtf8(message)) this.end(1007, 'invalid UTF-8');
      else this.#handle('message', () => route.handler.message(this, message, isBinary));
    });
  }

  closedByClient(code: number, reason: string): void {
    this.#context.turns.add(() => {
      this.#finish(code, reason);
      this.#farewell(code, reason);
    });
  }

  droppedByClient(): void {
    this.#isDeaf = true;
    this.#context.turns.add(() => this.#finish(1006, ''));
  }

  #farewell(code: number, reason: string): void {
    if (this.#isDeaf) return;
    this.#isDeaf = true;
    this.#client.closed(code, reason);
  }

  /** Ends it for the server, once. */
  #finish(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    const { topics, route, onError } = this.#context;
    topics.unsubscribeAll(this);
    this.#context.left(this);
    try {
      route.handler.close(this, code, reason);
    } catch (error) {
      onError(error, `close of ${route.path}`);
    }
  }

  #handle(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#context.onError(error, `${what} of ${this.#context.route.path}`);
      this.end(1011, 'internal error');
    }
  }
}
