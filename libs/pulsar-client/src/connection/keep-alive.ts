export interface KeepAliveParts {
  readonly intervalMs: number;
  /** While nothing is read, nothing can be heard. */
  readonly isPaused: () => boolean;
  readonly ping: () => void;
  readonly silent: () => void;
}

/** Asks the other side for a sign of life in each interval, and tells where none came in the one before. */
export class KeepAlive {
  readonly #parts: KeepAliveParts;
  #heard = true;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: KeepAliveParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.#check(), this.#parts.intervalMs);
    this.#timer.unref();
  }

  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    if (this.#parts.isPaused()) return;
    if (!this.#heard) return this.#parts.silent();
    this.#heard = false;
    this.#parts.ping();
  }
}
