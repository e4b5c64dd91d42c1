/** Who said nothing for so long has gone: three of its words are missing. */
const silentMs = 35_000;
/** An edge that was just started hasn't heard of the others yet. */
const learningMs = 15_000;
/** Against a topic that somebody fills. */
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

  heard(node: string, here: boolean): void {
    if (!here) this.#heardMs.delete(node);
    else if (this.#heardMs.has(node) || this.#hasRoom()) this.#heardMs.set(node, this.#now());
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
