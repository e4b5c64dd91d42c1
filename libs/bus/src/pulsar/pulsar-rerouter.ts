import { setTimeout as delay } from 'node:timers/promises';
import { Backoff, DeadlineExceeded, withDeadline } from '@pharos/lifecycle';
import { BusError } from '../errors.ts';
import type { LaneRerouter, NewPublication } from '../port.ts';
import type { LaneProducer, OutgoingMessage } from './lane-appender.ts';

export interface PulsarRerouterParts {
  readonly topic: string;
  readonly laneOf: (channel: string) => number;
  /** A producer of a lane under this rerouter's own name, which resends without end. @throws BusError */
  readonly createProducer: (lane: number) => Promise<LaneProducer>;
  readonly onClose: (rerouter: PulsarRerouter) => void;
}

/**
 * Each lane gets messages from a producer that is named after the lane where they lie, under their offsets there as sequence ids:
 * the broker drops what it has seen, whoever sends it again. So nothing may be overtaken: a message whose time is over stays on its way,
 * and is there before what comes later.
 */
export class PulsarRerouter implements LaneRerouter {
  readonly #parts: PulsarRerouterParts;
  readonly #producers = new Map<number, Promise<LaneProducer>>();
  readonly #closing = new AbortController();

  constructor(parts: PulsarRerouterParts) {
    this.#parts = parts;
  }

  async append(offset: number, publication: NewPublication, deadlineMs: number): Promise<void> {
    const { channel } = publication;
    const lane = this.#parts.laneOf(channel);
    const message = {
      key: channel,
      data: Buffer.from(publication.data),
      properties: { ...publication.properties },
      sequenceId: offset,
    };
    const what = `bringing a message into lane ${lane} of '${this.#parts.topic}'`;
    try {
      // Those that wait for the same producer go on in the order in which they came.
      const sent = this.#producer(lane).then((producer) => this.#send(lane, producer, message));
      await withDeadline(sent, deadlineMs, what);
    } catch (error) {
      throw error instanceof DeadlineExceeded ? new BusError('outcome-unknown', what, { cause: error }) : error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#parts.onClose(this);
    // One that was never made has nothing to close.
    await Promise.allSettled([...this.#producers.values()].map(async (made) => (await made).close()));
  }

  async #send(lane: number, producer: LaneProducer, message: OutgoingMessage): Promise<void> {
    try {
      await producer.send(message);
    } finally {
      if (producer.ended !== undefined) this.#producers.delete(lane);
    }
  }

  #producer(lane: number): Promise<LaneProducer> {
    const known = this.#producers.get(lane);
    if (known !== undefined) return known;
    const made = this.#create(lane);
    this.#producers.set(lane, made);
    // Where there will be none, the next attempt begins anew.
    made.catch(() => this.#producers.delete(lane));
    return made;
  }

  /** Tries for as long as it takes: whoever had the name before may not be gone yet. */
  async #create(lane: number): Promise<LaneProducer> {
    const backoff = new Backoff({ initialMs: 50, maxMs: 2_000 });
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        return await this.#parts.createProducer(lane);
      } catch (error) {
        if (!(error instanceof BusError) || error.code === 'log-ended' || error.code === 'closed') throw error;
        await delay(backoff.next(), undefined, { signal }).catch(() => undefined);
      }
    }
    throw new BusError('closed', `the rerouter of '${this.#parts.topic}' was closed`);
  }
}
