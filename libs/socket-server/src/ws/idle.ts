import type { WsSocket } from './socket.ts';

const TICK_MS = 1_000;

interface Watched {
  bytesRead: number;
  heardMs: number;
  pinged: boolean;
}

/** Watches one route's sockets for silence: a ping some seconds before the limit, the drop at it. One timer for all. */
export class IdleWatch {
  readonly #idleTimeoutMs: number;
  readonly #pingAfterMs: number;
  readonly #watched = new Map<WsSocket<unknown>, Watched>();
  #timer: NodeJS.Timeout | undefined;

  /** @param idleTimeoutSeconds at least 8 */
  constructor(idleTimeoutSeconds: number) {
    this.#idleTimeoutMs = idleTimeoutSeconds * 1_000;
    this.#pingAfterMs = this.#idleTimeoutMs - Math.min(16_000, this.#idleTimeoutMs / 2);
  }

  add(socket: WsSocket<unknown>): void {
    this.#watched.set(socket, { bytesRead: socket.bytesRead, heardMs: performance.now(), pinged: false });
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  delete(socket: WsSocket<unknown>): void {
    this.#watched.delete(socket);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const nowMs = performance.now();
    for (const [socket, state] of this.#watched) {
      if (socket.bytesRead !== state.bytesRead) {
        this.#watched.set(socket, { bytesRead: socket.bytesRead, heardMs: nowMs, pinged: false });
      } else if (nowMs - state.heardMs >= this.#idleTimeoutMs) {
        socket.terminate();
      } else if (!state.pinged && nowMs - state.heardMs >= this.#pingAfterMs) {
        state.pinged = true;
        socket.ping();
      }
    }
  }
}
