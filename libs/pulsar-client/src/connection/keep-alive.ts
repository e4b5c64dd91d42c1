export interface KeepAliveParts {
  readonly intervalMs: number;
  /** While nothing is read, nothing can be heard. */
  readonly isPaused: () => boolean;
  readonly ping: () => void;
  readonly silent: () => void;
}

/** Intervals that one frame may take on a slow network. Beyond, its size is taken to be damaged: it would swallow all that comes. */
const maxFrameIntervals = 4;

/** Asks the other side for a sign of life in each interval, and tells where none came in the one before. */
export class KeepAlive {
  readonly #parts: KeepAliveParts;
  #heard = true;
  #progressed = false;
  #frameIntervals = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: KeepAliveParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.#check(), this.#parts.intervalMs);
    this.#timer.unref();
  }

  /** A whole frame came. */
  heard(): void {
    this.#heard = true;
    this.#frameIntervals = 0;
  }

  /** Bytes came, perhaps of a frame that takes its time. */
  progressed(): void {
    this.#progressed = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    // The other side must go on hearing of us, or it takes us for gone.
    if (this.#parts.isPaused()) return this.#parts.ping();
    const slow = this.#progressed && ++this.#frameIntervals < maxFrameIntervals;
    if (!this.#heard && !slow) return this.#parts.silent();
    this.#heard = false;
    this.#progressed = false;
    this.#parts.ping();
  }
}
