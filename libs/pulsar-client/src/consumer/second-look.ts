/** Topics that move may move again at once; this long after they have come to rest. */
const restMs = 1_000;

/**
 * A broker that lets go of a topic just while a consumer subscribes can lose sight of it: the consumer is told that it is
 * subscribed, and nothing ever again (seen of non-durable subscriptions while topics were unloaded in quick succession). So
 * whoever was sent away by a broker, is back, and hears nothing for a while subscribes once more: where it goes on is its
 * own to say, and nothing is lost by it.
 */
export class SecondLook {
  readonly #again: () => void;
  #timer: NodeJS.Timeout | undefined;
  #due = false;
  #looking = false;

  /** @param again subscribes once more */
  constructor(again: () => void) {
    this.#again = again;
  }

  /** It was sent away. */
  lost(): void {
    this.heard();
    // Its own doing is no reason for another.
    if (!this.#looking) this.#due = true;
  }

  /** It is back. */
  attached(): void {
    this.#looking = false;
    if (!this.#due) return;
    this.#due = false;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#looking = true;
      this.#again();
    }, restMs);
    this.#timer.unref();
  }

  /** Something came, or it is over. */
  heard(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
