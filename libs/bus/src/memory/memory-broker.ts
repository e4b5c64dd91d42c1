import { randomBytes } from 'node:crypto';
import { BusError } from '../errors.ts';
import { parseTopic } from '../topic.ts';
import { MemoryGroup } from './memory-group.ts';
import { MemoryLane } from './memory-lane.ts';
import { MemoryWorkQueue } from './memory-work-queue.ts';
import type { NewMessage } from './stored-entry.ts';

export interface MemoryBrokerOptions {
  /** What a lane keeps; the oldest entries go first. @default 67108864 */
  readonly retentionBytes?: number;
  /** How long a lane keeps an entry; seen to when the lane is written to or read from. @default 3600000 */
  readonly retentionMs?: number;
  /** Milliseconds since 1970; injected in tests. @default Date.now */
  readonly now?: () => number;
}

interface TopicRetention {
  readonly maxBytes: number;
  maxAgeMs: number;
  readonly now: () => number;
}

/** One topic of the broker. */
export interface MemoryTopic {
  readonly topic: string;
  readonly epoch: string;
  readonly lanes: readonly MemoryLane[];
  readonly retention: TopicRetention;
  readonly work: Map<string, MemoryWorkQueue>;
  readonly groups: Map<string, MemoryGroup>;
}

// An outside message waits for nobody; the deadline only matters while the broker plays dead.
const outsideDeadlineMs = 60_000;

/**
 * Logs in the memory of this process. Several `MemoryBus`es on one broker see the same logs, as edges on one Pulsar do.
 *
 * `inject`, `skipOffsets`, `trim`, `deleteLog` and `setConnected` do what outside producers, a broker's own mishaps or
 * an operator do to a real log; they are for tests.
 */
export class MemoryBroker {
  readonly #retention: Readonly<TopicRetention>;
  readonly #topics = new Map<string, MemoryTopic>();
  #connected = true;

  constructor(options: MemoryBrokerOptions = {}) {
    this.#retention = {
      maxBytes: options.retentionBytes ?? 64 * 1024 * 1024,
      maxAgeMs: options.retentionMs ?? 3_600_000,
      now: options.now ?? Date.now,
    };
  }

  /** The topic, made with `lanes` lanes where it isn't there, and from now on kept for `keepMs` at least. @throws BusError `invalid-topic`, `lanes-mismatch`, `unreachable` */
  topic(name: string, lanes?: number, keepMs = 0): MemoryTopic {
    const topic = parseTopic(name).full;
    if (!this.#connected) throw new BusError('unreachable', `the broker of '${topic}' is disconnected`);
    const existing = this.#topics.get(topic) ?? this.#create(topic, lanes ?? 1);
    if (lanes !== undefined && lanes > existing.lanes.length) {
      throw new BusError('lanes-mismatch', `'${topic}' has ${existing.lanes.length} lanes, ${lanes} were asked for`);
    }
    existing.retention.maxAgeMs = Math.max(existing.retention.maxAgeMs, keepMs);
    return existing;
  }

  /** Writes a message as any other client of the broker would: with a key or none, into whichever lane. Resolves with its offset. */
  inject(topic: string, lane: number, message: NewMessage): Promise<number> {
    return this.#lane(topic, lane).append({ ...message, data: Buffer.from(message.data) }, outsideDeadlineMs);
  }

  /** Leaves `count` offsets out before the next message of a lane, as transaction markers do. */
  skipOffsets(topic: string, lane: number, count: number): void {
    this.#lane(topic, lane).skipOffsets(count);
  }

  /** Forgets every entry that a lane keeps, as retention does to a lane that nobody writes to. */
  trim(topic: string, lane: number): void {
    this.#lane(topic, lane).trimAll();
  }

  /** Deletes a log under its tails; opening it again makes a new one with another epoch. */
  deleteLog(topic: string): void {
    const { full } = parseTopic(topic);
    const found = this.#topics.get(full);
    this.#topics.delete(full);
    for (const lane of found?.lanes ?? []) lane.delete();
  }

  /** Cuts off every bus, or lets them back: appends wait for their deadlines, tails stand still. */
  setConnected(connected: boolean): void {
    this.#connected = connected;
    for (const topic of this.#topics.values()) {
      for (const lane of topic.lanes) lane.setConnected(connected);
    }
  }

  /** The work subscription of that name, made where it isn't there. */
  workQueue(topic: MemoryTopic, subscription: string, startAt: 'earliest' | 'latest'): MemoryWorkQueue {
    let queue = topic.work.get(subscription);
    if (queue === undefined) {
      queue = new MemoryWorkQueue(topic.lanes, startAt);
      topic.work.set(subscription, queue);
    }
    return queue;
  }

  /** The group of that name, made where it isn't there. */
  group(topic: MemoryTopic, name: string): MemoryGroup {
    let group = topic.groups.get(name);
    if (group === undefined) {
      group = new MemoryGroup(topic.lanes);
      topic.groups.set(name, group);
    }
    return group;
  }

  #create(topic: string, lanes: number): MemoryTopic {
    if (!Number.isSafeInteger(lanes) || lanes < 1) {
      throw new RangeError(`lanes of '${topic}' is ${lanes}, expected a whole number above 0`);
    }
    const retention = { ...this.#retention };
    const created: MemoryTopic = {
      topic,
      epoch: `${randomBytes(6).toString('hex')}.${lanes}`,
      lanes: Array.from({ length: lanes }, () => new MemoryLane(topic, retention)),
      retention,
      work: new Map(),
      groups: new Map(),
    };
    this.#topics.set(topic, created);
    return created;
  }

  #lane(name: string, lane: number): MemoryLane {
    const topic = parseTopic(name).full;
    const found = this.#topics.get(topic)?.lanes[lane];
    if (found === undefined) throw new RangeError(`there is no lane ${lane} of '${topic}'`);
    return found;
  }
}
