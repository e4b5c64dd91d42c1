import { Deferred, withDeadline } from '@pharos/lifecycle';

/** Who said nothing for so long has gone: three of its words are missing. */
const silentMs = 35_000;
/** An edge that was just started hasn't heard of the others yet. */
const learningMs = 10_000;
/** Against a topic that somebody fills; those that went are forgotten then. */
const maxEdges = 10_000;

/** What an edge said of itself. */
export interface KnownEdge {
  /** By which it signs its sessions; empty: it is of a version that doesn't. */
  readonly key: Buffer;
}

interface Heard extends KnownEdge {
  readonly atMs: number;
}

/** The other edges, by what they say. */
export class KnownEdges {
  readonly #now: () => number;
  #learningSinceMs: number;
  readonly #heard = new Map<string, Heard>();
  readonly #waiting = new Set<{ readonly node: string; readonly heard: Deferred }>();

  /** @param now milliseconds; injected in tests @default performance.now */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#learningSinceMs = now();
  }

  /** From now on the others can be heard, and know that this edge is there: it may have waited long for the logs. */
  learn(): void {
    this.#learningSinceMs = this.#now();
  }

  /** Whether it is news that it is there. */
  heard(node: string, here: boolean, key: Buffer): boolean {
    const isKnown = this.#heard.has(node);
    // Of one that went it is remembered for a while: another that has just started would have to try it.
    if (isKnown || this.#hasRoom()) this.#heard.set(node, { key, atMs: here ? this.#now() : Number.NEGATIVE_INFINITY });
    for (const waiting of this.#waiting) if (waiting.node === node) waiting.heard.resolve();
    return here && !isKnown;
  }

  /** What is known of an edge; undefined: it is not there. */
  get(node: string): KnownEdge | undefined {
    const heard = this.#heard.get(node);
    return heard !== undefined && this.#now() - heard.atMs < silentMs ? heard : undefined;
  }

  /** The same; who has just started and hasn't heard of it waits for its word: edges greet each that comes. */
  async find(node: string, waitMs: number): Promise<KnownEdge | undefined> {
    const leftMs = learningMs - (this.#now() - this.#learningSinceMs);
    if (this.#heard.has(node) || leftMs <= 0) return this.get(node);
    const waiting = { node, heard: new Deferred() };
    this.#waiting.add(waiting);
    try {
      await withDeadline(waiting.heard.promise, Math.min(waitMs, leftMs), `a word of ${node}`).catch(() => undefined);
    } finally {
      this.#waiting.delete(waiting);
    }
    return this.get(node);
  }

  /** Nobody waits any more. */
  stop(): void {
    for (const { heard } of this.#waiting) heard.resolve();
  }

  #hasRoom(): boolean {
    if (this.#heard.size < maxEdges) return true;
    const now = this.#now();
    for (const [node, { atMs }] of this.#heard) if (now - atMs >= silentMs) this.#heard.delete(node);
    return this.#heard.size < maxEdges;
  }
}
