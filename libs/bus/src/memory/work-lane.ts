import { noProperties } from '../routing.ts';
import type { MemoryLane } from './memory-lane.ts';
import { placesPerMessage, type StoredEntry } from './stored-entry.ts';

/** One message as a work subscription takes it from its lane. */
export interface TakenMessage {
  readonly offset: number;
  readonly key: string | undefined;
  readonly data: Buffer;
  readonly properties: ReadonlyMap<string, string>;
  readonly publishTimeMs: number;
  readonly redeliveryCount: number;
}

/**
 * How far a work subscription is in one lane: everything below `#next` was taken, and is done with unless it is
 * `#unacked`. What retention trims meanwhile is skipped, as Pulsar does with a backlog that outgrew its quota.
 */
export class WorkLane<Owner> {
  readonly #lane: MemoryLane;
  #next: number;
  readonly #unacked = new Map<number, Owner>();
  /** Offsets to be taken again, ascending. */
  #again: number[] = [];
  readonly #redeliveries = new Map<number, number>();

  constructor(lane: MemoryLane, startAt: 'earliest' | 'latest') {
    this.#lane = lane;
    this.#next = startAt === 'earliest' ? lane.firstOffset : lane.lastOffset + 1;
  }

  take(owner: Owner): TakenMessage | undefined {
    this.#lane.trimByAge();
    for (let offset = this.#again.shift(); offset !== undefined; offset = this.#again.shift()) {
      const message = this.#read(offset);
      if (message !== undefined) {
        this.#unacked.set(offset, owner);
        return message;
      }
      this.ack(offset);
    }
    const entry = this.#lane.at(this.#lane.sequenceOf(this.#next));
    if (entry === undefined) return undefined;
    const offset = Math.max(this.#next, entry.firstOffset);
    this.#next = offset + 1;
    this.#unacked.set(offset, owner);
    return this.#read(offset);
  }

  /** Whether the message was taken and is not done with. */
  holds(offset: number): boolean {
    return this.#unacked.has(offset);
  }

  ack(offset: number): void {
    this.#unacked.delete(offset);
    this.#redeliveries.delete(offset);
    const place = this.#again.indexOf(offset);
    if (place >= 0) this.#again.splice(place, 1);
  }

  ackThrough(offset: number): void {
    for (const unacked of [...this.#unacked.keys()]) if (unacked <= offset) this.ack(unacked);
  }

  /** Has the messages that `which` picks taken again. */
  redeliver(which: (offset: number, owner: Owner) => boolean): void {
    const again = new Set(this.#again);
    for (const [offset, owner] of this.#unacked) {
      if (again.has(offset) || !which(offset, owner)) continue;
      again.add(offset);
      this.#redeliveries.set(offset, (this.#redeliveries.get(offset) ?? 0) + 1);
    }
    this.#again = [...again].sort((left, right) => left - right);
  }

  #read(offset: number): TakenMessage | undefined {
    const entry = this.#lane.at(this.#lane.sequenceOf(offset));
    if (entry === undefined || offset < entry.firstOffset) return undefined;
    return readMessage(entry, offset, this.#redeliveries.get(offset) ?? 0);
  }
}

function readMessage(entry: StoredEntry, offset: number, redeliveryCount: number): TakenMessage {
  const index = offset - entry.firstOffset;
  const place = index * placesPerMessage;
  const keyStart = entry.places[place] as number;
  const dataStart = entry.places[place + 1] as number;
  return {
    offset,
    key: keyStart < 0 ? undefined : entry.buffer.toString('utf8', keyStart, dataStart),
    data: entry.buffer.subarray(dataStart, entry.places[place + 2]),
    properties: entry.properties[index] ?? noProperties,
    publishTimeMs: entry.publishTimeMs,
    redeliveryCount,
  };
}
