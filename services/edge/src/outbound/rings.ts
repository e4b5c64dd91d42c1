import type { LivingLog } from '@pharos/channels';
import type { Prefill } from './lane-attachment.ts';
import { LaneRing, type RingLimits } from './lane-ring.ts';
import { RingBudget } from './ring-budget.ts';

export interface RingsLimits {
  /** Of each lane. */
  readonly maxLaneBytes: number;
  /** Of the whole edge. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** What may be spent on reading a lane's newest entries before clients can use it: they may be waiting. */
const prefillTimeoutMs = 1_500;
/** Entries hold more on the wire than in a ring, whose oldest are dropped meanwhile. */
const prefillBytesFactor = 2;

/** How much longer than its age an entry may stay in the ring of a lane that is silent, as a part of that age. */
const expiryParts = 10;

/** The rings of an edge: one for each lane of a log that has channels which can be resumed. */
export class Rings {
  readonly #limits: RingsLimits;
  readonly #budget: RingBudget;
  readonly #rings = new Set<LaneRing>();
  #logs: ReadonlySet<LivingLog> = new Set();
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: RingsLimits) {
    this.#limits = limits;
    this.#budget = new RingBudget(limits.maxBytes);
  }

  /** How far back a lane is read when it is attached. */
  get prefill(): Prefill {
    const { maxLaneBytes, maxAgeMs } = this.#limits;
    return { maxAgeMs, maxBytes: maxLaneBytes * prefillBytesFactor, timeoutMs: prefillTimeoutMs };
  }

  /** Bytes that all of them hold. */
  get bytes(): number {
    return this.#budget.bytes;
  }

  /** @param logs those whose lanes get rings */
  run(logs: ReadonlySet<LivingLog>): void {
    this.#logs = logs;
    this.#timer = setInterval(() => this.#expire(), Math.max(1, this.#limits.maxAgeMs / expiryParts));
    this.#timer.unref();
  }

  /** From now on these have rings, too; those that have one keep it. */
  follow(logs: ReadonlySet<LivingLog>): void {
    this.#logs = logs;
  }

  /** A ring for one lane of the log; none where nobody can resume there. */
  newRing(log: LivingLog): LaneRing | undefined {
    if (!this.#logs.has(log)) return undefined;
    const { maxLaneBytes: maxBytes, maxAgeMs } = this.#limits;
    const limits: RingLimits = { maxBytes, maxAgeMs };
    const ring = new LaneRing(limits, this.#budget);
    this.#rings.add(ring);
    return ring;
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const ring of this.#rings) ring.close();
    this.#rings.clear();
  }

  #expire(): void {
    const now = performance.now();
    for (const ring of this.#rings) ring.expire(now);
  }
}
