import { BusError } from '../errors.ts';
import type { WorkSpec } from '../port.ts';
import type { LaneListener, MemoryLane } from './memory-lane.ts';
import { type TakenMessage, WorkLane } from './work-lane.ts';

/** One consumer of a work subscription, as its queue sees it. */
export interface WorkConsumer {
  /** There may be something to take. */
  wake(): void;
  ended(error: BusError): void;
}

/** A durable work subscription: it outlives its consumers, and divides its lanes among them. */
export class MemoryWorkQueue implements LaneListener {
  readonly #stores: readonly MemoryLane[];
  readonly #lanes: readonly WorkLane<WorkConsumer>[];
  #type: WorkSpec['type'] = 'failover';
  #consumers: WorkConsumer[] = [];
  #firstLane = 0;

  constructor(stores: readonly MemoryLane[], startAt: 'earliest' | 'latest') {
    this.#stores = stores;
    this.#lanes = stores.map((store) => new WorkLane(store, startAt));
    for (const store of stores) store.listen(this);
  }

  changed(): void {
    this.#wake();
  }

  connection(): void {
    this.#wake();
  }

  ended(error: BusError): void {
    for (const consumer of this.#consumers) consumer.ended(error);
  }

  /** @throws BusError `subscription-busy` */
  join(consumer: WorkConsumer, spec: WorkSpec): void {
    if (this.#consumers.length > 0 && this.#type !== spec.type) {
      const busy = `the subscription '${spec.subscription}' of '${spec.topic}' has a ${this.#type} consumer`;
      throw new BusError('subscription-busy', `${busy}, a ${spec.type} one can't join it`);
    }
    this.#type = spec.type;
    this.#consumers = [...this.#consumers, consumer];
    this.#rebalance();
  }

  leave(consumer: WorkConsumer): void {
    this.#consumers = this.#consumers.filter((other) => other !== consumer);
    for (const lane of this.#lanes) lane.redeliver((_offset, owner) => owner === consumer);
    this.#rebalance();
  }

  /** The next message that is for this consumer, and its lane. */
  take(consumer: WorkConsumer): { readonly lane: number; readonly message: TakenMessage } | undefined {
    for (let step = 0; step < this.#lanes.length; step++) {
      const lane = (this.#firstLane + step) % this.#lanes.length;
      if (!this.#stores[lane]?.connected || !this.#serves(consumer, lane)) continue;
      const message = this.#lanes[lane]?.take(consumer);
      if (message === undefined) continue;
      this.#firstLane = lane + 1;
      return { lane, message };
    }
    return undefined;
  }

  ack(lane: number, offset: number): void {
    this.#lanes[lane]?.ack(offset);
  }

  ackThrough(lane: number, offset: number): void {
    this.#lanes[lane]?.ackThrough(offset);
  }

  /** In a `failover` subscription everything unacknowledged of the lane comes again, so that order is kept. */
  redeliver(lane: number, offset: number): void {
    const found = this.#lanes[lane];
    if (found?.holds(offset) !== true) return;
    found.redeliver((unacked) => this.#type === 'failover' || unacked === offset);
    this.#wake();
  }

  #serves(consumer: WorkConsumer, lane: number): boolean {
    return this.#type === 'shared' || this.#consumers[lane % this.#consumers.length] === consumer;
  }

  #rebalance(): void {
    if (this.#type === 'failover') {
      for (const [index, lane] of this.#lanes.entries()) {
        lane.redeliver((_offset, owner) => !this.#serves(owner, index));
      }
    }
    this.#wake();
  }

  #wake(): void {
    for (const consumer of this.#consumers) consumer.wake();
  }
}
