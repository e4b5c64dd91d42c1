import { describeError } from '@pharos/errors';
import type { ClientCore } from '../client-core.ts';

/** Many partitions lose their broker together: that is one reason to look, not many. */
const minGapMs = 1000;

export interface PartitionWatchParts {
  /** Full name of the whole topic. */
  readonly topic: string;
  /** Partitions that are known already. */
  readonly partitions: number;
  /** Takes in partitions `from` to `to` − 1. Where it fails, it is asked again at the next look. */
  readonly grow: (from: number, to: number) => Promise<void>;
}

/** Looks now and then whether a topic has got more partitions. */
export class PartitionWatch {
  readonly #core: ClientCore;
  readonly #parts: PartitionWatchParts;
  #known: number;
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(core: ClientCore, parts: PartitionWatchParts) {
    this.#core = core;
    this.#parts = parts;
    this.#known = parts.partitions;
  }

  start(): void {
    this.#arm();
  }

  /** To be called where there is reason to think that the topic has changed. */
  check(): void {
    // Nothing is armed before all has begun, while it looks, and where it never is to.
    if (this.#timer !== undefined && performance.now() - this.#lookedAt >= minGapMs) this.#look();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    const { partitionsUpdateIntervalMs } = this.#core;
    if (this.#stopped || partitionsUpdateIntervalMs === 0) return;
    this.#timer = setTimeout(() => this.#look(), partitionsUpdateIntervalMs);
    // It keeps no process running: what it looks after does.
    this.#timer.unref();
  }

  #look(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lookedAt = performance.now();
    this.#compare()
      .catch((error: unknown) =>
        this.#core.logger.warn(
          { topic: this.#parts.topic, reason: describeError(error) },
          'whether a topic has got more partitions is not known: it is looked at again later',
        ),
      )
      .finally(() => this.#arm());
  }

  async #compare(): Promise<void> {
    const { topic, grow } = this.#parts;
    const partitions = await this.#core.partitionsNow(topic);
    if (this.#stopped || partitions === this.#known) return;
    if (partitions < this.#known) {
      // Partitions only go with their topic; those who are attached to them hear of it from their broker.
      const text = 'a topic has fewer partitions than before: it was deleted, and perhaps made anew';
      this.#core.logger.warn({ topic, partitions, before: this.#known }, text);
      return;
    }
    await grow(this.#known, partitions);
    this.#core.logger.info({ topic, partitions, before: this.#known }, 'a topic has got more partitions');
    this.#known = partitions;
  }
}
