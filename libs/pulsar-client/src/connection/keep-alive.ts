export interface KeepAliveParts {
  readonly intervalMs: number;
  /** While nothing is read, nothing can be heard. */
  readonly isPaused: () => boolean;
  readonly ping: () => void;
  readonly silent: () => void;
  /** Whether somebody waits for an answer. */
  readonly isOwed: () => boolean;
  /** Nothing was read for a whole interval, and somebody waits for what may lie behind it. */
  readonly stuck: () => void;
}

/** Intervals that one frame may take on a slow network. Beyond, its size is taken to be damaged: it would swallow all that comes. */
const maxFrameIntervals = 4;

/** Asks the other side for a sign of life in each interval, and tells where none came in the one before. */
export class KeepAlive {
  readonly #parts: KeepAliveParts;
  #heard = true;
  #progressed = false;
  #frameIntervals = 0;
  #pausedBefore = false;
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

  /** It is read on. */
  resumed(): void {
    this.#pausedBefore = false;
    this.heard();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    if (this.#parts.isPaused()) return this.#checkPaused();
    const slow = this.#progressed && ++this.#frameIntervals < maxFrameIntervals;
    if (!this.#heard && !slow) return this.#parts.silent();
    this.#heard = false;
    this.#progressed = false;
    this.#parts.ping();
  }

  #checkPaused(): void {
    if (this.#pausedBefore && this.#parts.isOwed()) return this.#parts.stuck();
    this.#pausedBefore = true;
    // The other side must go on hearing of us, or it takes us for gone.
    this.#parts.ping();
  }
}
