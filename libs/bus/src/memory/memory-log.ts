import { BusError } from '../errors.ts';
import { javaStringHash } from '@pharos/bytes';
import type { PendingAppends } from '../limits.ts';
import type {
  AppendReceipt,
  GroupHandler,
  GroupSpec,
  LaneGroup,
  LaneRerouter,
  LaneTail,
  Log,
  NewPublication,
  TailHandler,
  TailStart,
} from '../port.ts';
import { laneRouting } from '../routing.ts';
import type { TurnScheduler } from '../turns.ts';
import type { MemoryTopic } from './memory-broker.ts';
import type { MemoryGroup } from './memory-group.ts';
import type { MemoryLane } from './memory-lane.ts';
import { MemoryMembership } from './memory-membership.ts';
import { MemoryRerouter } from './memory-rerouter.ts';
import { MemoryTail } from './memory-tail.ts';

export interface MemoryLogParts {
  readonly topic: MemoryTopic;
  readonly defaultChannel: string;
  readonly pending: PendingAppends;
  readonly turns: TurnScheduler;
  readonly group: (name: string) => MemoryGroup;
  readonly onClose: (log: MemoryLog) => void;
}

export class MemoryLog implements Log {
  readonly limitations: readonly string[] = [];
  readonly #parts: MemoryLogParts;
  readonly #tails = new Set<MemoryTail>();
  readonly #memberships = new Set<MemoryMembership>();
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  constructor(parts: MemoryLogParts) {
    this.#parts = parts;
  }

  get topic(): string {
    return this.#parts.topic.topic;
  }

  get lanes(): number {
    return this.#parts.topic.lanes.length;
  }

  get defaultChannel(): string {
    return this.#parts.defaultChannel;
  }

  get epoch(): string {
    return this.#parts.topic.epoch;
  }

  laneOf(channel: string): number {
    return javaStringHash(channel) % this.lanes;
  }

  async append(publication: NewPublication, deadlineMs: number): Promise<AppendReceipt> {
    this.#mustBeOpen();
    const bytes = this.#parts.pending.admit(publication);
    try {
      const lane = this.laneOf(publication.channel);
      const message = {
        key: publication.channel,
        data: Buffer.from(publication.data),
        ...(publication.properties === undefined ? {} : { properties: { ...publication.properties } }),
      };
      const written = this.#lane(lane).append(message, deadlineMs);
      this.#underWay.add(written);
      try {
        return { lane, position: String(await written) };
      } finally {
        this.#underWay.delete(written);
      }
    } finally {
      this.#parts.pending.release(bytes);
    }
  }

  async attach(lane: number, handler: TailHandler, start: TailStart = { at: 'head' }): Promise<LaneTail> {
    this.#mustBeOpen();
    const store = this.#lane(lane);
    if (store.end !== undefined) throw store.end;
    if (!store.connected) throw new BusError('unreachable', `the broker of '${this.topic}' is disconnected`);
    store.trimByAge();
    const tail = new MemoryTail({
      store,
      routing: laneRouting(lane, this.lanes, this.defaultChannel),
      handler,
      turns: this.#parts.turns,
      head: headOf(store, start, this.topic),
      onClose: (closed) => this.#tails.delete(closed),
    });
    this.#tails.add(tail);
    return tail;
  }

  async joinGroup(spec: GroupSpec, handler: GroupHandler): Promise<LaneGroup> {
    this.#mustBeOpen();
    const store = this.#lane(0);
    if (store.end !== undefined) throw store.end;
    if (!store.connected) throw new BusError('unreachable', `the broker of '${this.topic}' is disconnected`);
    const membership = new MemoryMembership({
      group: this.#parts.group(spec.group),
      lanes: this.lanes,
      spec,
      handler,
      onClose: (closed) => this.#memberships.delete(closed),
    });
    this.#memberships.add(membership);
    return membership;
  }

  rerouter(lane: number): LaneRerouter {
    this.#mustBeOpen();
    this.#lane(lane);
    return new MemoryRerouter({ topic: this.topic, lane, lanes: this.#parts.topic.lanes });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const membership of [...this.#memberships]) await membership.close();
    await Promise.allSettled(this.#underWay);
    for (const tail of [...this.#tails]) await tail.close();
    this.#parts.onClose(this);
  }

  #lane(lane: number): MemoryLane {
    const found = this.#parts.topic.lanes[lane];
    if (found === undefined)
      throw new RangeError(`'${this.topic}' has no lane ${lane}, its lanes are 0 to ${this.lanes - 1}`);
    return found;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new BusError('closed', `the log '${this.topic}' was closed`);
  }
}

function headOf(store: MemoryLane, start: TailStart, topic: string): number {
  if (start.at === 'head') return store.lastOffset;
  if (start.at === 'earliest') return store.firstOffset - 1;
  if (start.at === 'recent') return store.offsetBefore(start.maxAgeMs);
  const { offset } = start;
  if (offset > store.lastOffset) {
    throw new BusError(
      'position-gone',
      `'${topic}' ends at offset ${store.lastOffset}, before the position's ${offset}`,
    );
  }
  if (offset + 1 < store.firstOffset) {
    throw new BusError(
      'position-gone',
      `'${topic}' begins at offset ${store.firstOffset}, after the position's ${offset}`,
    );
  }
  return offset;
}
