/** Who said nothing for so long has gone: three of its words are missing. */
const silentMs = 35_000;
/** An edge that was just started hasn't heard of the others yet. */
const learningMs = 10_000;
/** Against a topic that somebody fills; those that went are forgotten then. */
const maxEdges = 10_000;

/** The other edges, by what they say. */
export class KnownEdges {
  readonly #now: () => number;
  readonly #startedMs: number;
  readonly #heardMs = new Map<string, number>();

  /** @param now milliseconds; injected in tests @default performance.now */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startedMs = now();
  }

  /** Whether it is news that it is there. */
  heard(node: string, here: boolean): boolean {
    const isKnown = this.#heardMs.has(node);
    // Of one that went it is remembered for a while: another that has just started would have to try it.
    if (isKnown || this.#hasRoom()) this.#heardMs.set(node, here ? this.#now() : Number.NEGATIVE_INFINITY);
    return here && !isKnown;
  }

  /** Whether what is meant for that edge may find it. */
  mayBeThere(node: string): boolean {
    const now = this.#now();
    const heardMs = this.#heardMs.get(node);
    if (heardMs === undefined) return now - this.#startedMs < learningMs;
    return now - heardMs < silentMs;
  }

  #hasRoom(): boolean {
    if (this.#heardMs.size < maxEdges) return true;
    const now = this.#now();
    for (const [node, heardMs] of this.#heardMs) if (now - heardMs >= silentMs) this.#heardMs.delete(node);
    return this.#heardMs.size < maxEdges;
  }
}
