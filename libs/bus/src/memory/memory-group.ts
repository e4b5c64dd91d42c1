import type { BusError } from '../errors.ts';
import type { LaneListener, MemoryLane } from './memory-lane.ts';

/** One member of a group, as the group sees it. */
export interface GroupMember {
  /** Says which lanes it is active in. */
  assign(active: (lane: number) => boolean): void;
  ended(error: BusError): void;
}

/** A group outlives its members, and divides the lanes among them. */
export class MemoryGroup implements LaneListener {
  readonly #stores: readonly MemoryLane[];
  /** Of each lane the offset up to which it is acknowledged. */
  readonly #acknowledged: number[];
  #members: GroupMember[] = [];

  constructor(stores: readonly MemoryLane[]) {
    this.#stores = stores;
    this.#acknowledged = stores.map(() => 0);
    for (const store of stores) store.listen(this);
  }

  changed(): void {
    // Messages are the tails' concern.
  }

  connection(): void {
    this.#assign();
  }

  ended(error: BusError): void {
    for (const member of this.#members.splice(0)) member.ended(error);
  }

  join(member: GroupMember): void {
    this.#members = [...this.#members, member];
    this.#assign();
  }

  leave(member: GroupMember): void {
    this.#members = this.#members.filter((other) => other !== member);
    this.#assign();
  }

  ackThrough(lane: number, offset: number): void {
    this.#acknowledged[lane] = Math.max(this.acknowledged(lane), offset);
  }

  acknowledged(lane: number): number {
    return this.#acknowledged[lane] ?? 0;
  }

  #assign(): void {
    for (const [index, member] of this.#members.entries()) {
      member.assign((lane) => this.#stores[lane]?.connected === true && lane % this.#members.length === index);
    }
  }
}
