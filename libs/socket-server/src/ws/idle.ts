import type { WsSocket } from './socket.ts';

const TICK_MS = 1_000;

interface Watched {
  readonly bytesRead: number;
  /** Ticks since something was heard. */
  ticks: number;
}

/**
 * Watches one route's sockets for silence: a ping some seconds before the limit, the drop at it. One timer for all. Time is counted in
 * its ticks: a process that stood still has not listened meanwhile, and drops nobody whose answer it hasn't had time to read.
 */
export class IdleWatch {
  readonly #idleTicks: number;
  readonly #pingTicks: number;
  readonly #watched = new Map<WsSocket<unknown>, Watched>();
  #timer: NodeJS.Timeout | undefined;

  /** @param idleTimeoutSeconds at least 8 */
  constructor(idleTimeoutSeconds: number) {
    const idleTimeoutMs = idleTimeoutSeconds * 1_000;
    this.#idleTicks = Math.ceil(idleTimeoutMs / TICK_MS);
    this.#pingTicks = Math.ceil((idleTimeoutMs - Math.min(16_000, idleTimeoutMs / 2)) / TICK_MS);
  }

  add(socket: WsSocket<unknown>): void {
    // The first comes before a whole one has passed.
    this.#watched.set(socket, { bytesRead: socket.bytesRead, ticks: -1 });
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  delete(socket: WsSocket<unknown>): void {
    this.#watched.delete(socket);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    for (const [socket, state] of this.#watched) {
      state.ticks++;
      if (socket.bytesRead !== state.bytesRead) {
        this.#watched.set(socket, { bytesRead: socket.bytesRead, ticks: 0 });
      } else if (state.ticks >= this.#idleTicks) {
        socket.terminate();
      } else if (state.ticks === this.#pingTicks) {
        socket.ping();
      }
    }
  }
}
