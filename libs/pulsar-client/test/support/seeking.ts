// Who seeks again and again while messages come: what came before each seek was done, and after.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer } from '../../src/consumer/consumer.ts';
import { PulsarError } from '../../src/errors.ts';

interface Place {
  readonly partition: number;
  readonly number: number;
}

/** Takes numbered messages, acknowledges each at once, and holds each partition to its order from one seek to the next. */
export class Seeking {
  readonly #consumer: Consumer;
  /** The next number of each partition. */
  readonly #next: number[];
  readonly #running: Promise<void>;
  /** Messages that came while a seek was under way: of the old place. */
  meanwhile = 0;
  received = 0;
  #seeking = false;
  #wrong: string | undefined;

  constructor(consumer: Consumer, partitions: number) {
    this.#consumer = consumer;
    this.#next = new Array<number>(partitions).fill(0);
    this.#running = this.#run();
  }

  /** Goes on from these numbers of the partitions once `seek` is done. */
  async to(next: readonly (number | undefined)[], seek: (consumer: Consumer) => Promise<unknown>): Promise<void> {
    this.#seeking = true;
    await seek(this.#consumer);
    this.#seeking = false;
    for (const [partition, number] of next.entries()) if (number !== undefined) this.#next[partition] = number;
  }

  /** Waits until so many more have come, or all. */
  async untilMore(count: number, total: number): Promise<void> {
    const least = this.received + count;
    await this.#until(() => this.received >= least || this.#next.every((next) => next === total));
  }

  async untilEnd(total: number): Promise<void> {
    await this.#until(() => this.#next.every((next) => next === total));
  }

  async close(): Promise<void> {
    await this.#consumer.close();
    await this.#running;
  }

  async #until(reached: () => boolean): Promise<void> {
    const giveUpAt = Date.now() + 120_000;
    while (!reached() && this.#wrong === undefined) {
      assert.ok(Date.now() < giveUpAt, `no more comes: next ${this.#next.join()}`);
      await delay(2);
    }
    assert.equal(this.#wrong, undefined);
  }

  async #run(): Promise<void> {
    const acknowledging: Promise<unknown>[] = [];
    try {
      for (;;) {
        const message = await this.#consumer.receive();
        this.#take(placeOf(message.getData().toString()));
        acknowledging.push(this.#consumer.acknowledge(message).catch(() => undefined));
      }
    } catch (error) {
      if (!(error instanceof PulsarError) || error.code !== 'AlreadyClosed') throw error;
    }
    await Promise.all(acknowledging);
  }

  #take({ partition, number }: Place): void {
    this.received++;
    if (this.#seeking) this.meanwhile++;
    const expected = this.#next[partition];
    if (number !== expected) {
      const when = this.#seeking ? 'before a seek was done' : 'after it';
      this.#wrong ??= `partition ${partition}: ${number} in place of ${expected}, ${when}`;
    }
    this.#next[partition] = number + 1;
  }
}

/** `<partition>-<number>` */
function placeOf(text: string): Place {
  const [partition, number] = text.split('-').map(Number) as [number, number];
  return { partition, number };
}
