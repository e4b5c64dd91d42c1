import type { WebSocket } from 'uWebSockets.js';
import { Emptiness } from '../common/emptiness.ts';
import { toNative } from './text.ts';

/** A connection that was ended while the peer still owed it reads. */
export interface Lingering {
  readonly code: number;
  readonly reason: string;
  readonly deadlineMs: number;
}

/** What uWebSockets.js keeps on its socket object for this adapter. */
export interface Attachment<Socket> {
  /** Undefined only before `open`. */
  readonly socket: Socket;
  lingering?: Lingering;
}

const SWEEP_MS = 500;

/**
 * Connections whose owner has ended them and whose buffer the peer has not yet taken.
 *
 * uWebSockets.js would wait for such a peer without limit once it reads a little and then stops, and takes away the
 * means to drop it. So the close frame is held back here until the buffer is empty, and the connection is dropped where
 * that takes too long: what a slow client can hold after its close is bounded in time, by one timer for all of them.
 */
export class LingeringSockets {
  readonly #timeoutMs: number;
  readonly #sockets = new Set<WebSocket<Attachment<unknown>>>();
  readonly #emptiness = new Emptiness(this.#sockets);
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  add(ws: WebSocket<Attachment<unknown>>, code: number, reason: string): void {
    ws.getUserData().lingering = { code, reason, deadlineMs: performance.now() + this.#timeoutMs };
    this.#sockets.add(ws);
    this.#timer ??= setInterval(() => this.#sweep(), Math.min(SWEEP_MS, this.#timeoutMs));
  }

  /** Resolves when none is left. */
  flushed(): Promise<void> {
    return this.#emptiness.reached();
  }

  /** Buffered bytes went down; true where the socket is one of these. */
  drained(ws: WebSocket<Attachment<unknown>>): boolean {
    const { lingering } = ws.getUserData();
    if (lingering === undefined) return false;
    if (ws.getBufferedAmount() === 0) ws.end(lingering.code, toNative(lingering.reason));
    return true;
  }

  /** The connection is over; true where it is one of these. */
  closed(ws: WebSocket<Attachment<unknown>>, attachment: Attachment<unknown>): boolean {
    if (attachment.lingering === undefined) return false;
    this.#sockets.delete(ws);
    if (this.#sockets.size === 0) this.#stopTimer();
    this.#emptiness.check();
    return true;
  }

  stop(): void {
    this.#stopTimer();
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const ws of this.#sockets) {
      const { lingering } = ws.getUserData();
      if (lingering !== undefined && lingering.deadlineMs <= nowMs) ws.close();
    }
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
