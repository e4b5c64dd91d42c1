import {
  type AppendReceipt,
  type Bus,
  BusError,
  type BusErrorCode,
  type GroupHandler,
  type GroupSpec,
  type LaneGroup,
  type LaneRerouter,
  type LaneTail,
  type Log,
  type LogSpec,
  type NewPublication,
  type TailHandler,
  type TailStart,
  type WorkSpec,
  type WorkSubscription,
} from '@pharos/bus';
import { Deferred } from '@pharos/lifecycle';

/** What is done to one kind of call: let through, failed, or held until it is let through. */
export class Fault {
  #code: BusErrorCode | undefined;
  #gate: Deferred<void> | undefined;
  #arrived = 0;

  /** Calls that came so far. */
  get arrived(): number {
    return this.#arrived;
  }

  fail(code: BusErrorCode): void {
    this.#code = code;
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  hold(): void {
    this.#gate ??= new Deferred<void>();
  }

  /** Lets everything through, what is held first. */
  pass(): void {
    this.#code = undefined;
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  async enter(): Promise<void> {
    this.#arrived++;
    await this.#gate?.promise;
    if (this.#code !== undefined) throw new BusError(this.#code, 'as the test asked for');
  }
}

/** A bus whose logs fail, or wait, as a test says. */
export class FaultyBus implements Bus {
  readonly kind = 'memory';
  readonly opens: Fault = new Fault();
  readonly appends: Fault = new Fault();
  readonly attaches: Fault = new Fault();
  /** Of topics of joins and leaves, besides. */
  readonly lifecycleAttaches: Fault = new Fault();
  /** Of tails. */
  readonly closes: Fault = new Fault();
  /** Whether logs give offsets, as far as tails say. */
  indexed = true;
  /** What logs say in place of theirs. */
  epoch: string | undefined;
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async openLog(spec: LogSpec): Promise<Log> {
    // Faults are those of channels' logs.
    if (spec.topic.includes('pharos-control')) return this.#bus.openLog(spec);
    await this.opens.enter();
    return new FaultyLog(await this.#bus.openLog(spec), this);
  }

  subscribeWork(spec: WorkSpec): Promise<WorkSubscription> {
    return this.#bus.subscribeWork(spec);
  }

  close(): Promise<void> {
    return this.#bus.close();
  }
}

class FaultyLog implements Log {
  readonly #log: Log;
  readonly #faults: FaultyBus;

  constructor(log: Log, faults: FaultyBus) {
    this.#log = log;
    this.#faults = faults;
  }

  get topic(): string {
    return this.#log.topic;
  }

  get lanes(): number {
    return this.#log.lanes;
  }

  get defaultChannel(): string {
    return this.#log.defaultChannel;
  }

  get epoch(): string {
    return this.#faults.epoch ?? this.#log.epoch;
  }

  get limitations(): readonly string[] {
    return this.#log.limitations;
  }

  laneOf(channel: string): number {
    return this.#log.laneOf(channel);
  }

  async append(publication: NewPublication, deadlineMs: number): Promise<AppendReceipt> {
    // As the port says: the data is the caller's again when `append` has returned.
    const copy = { ...publication, data: Buffer.from(publication.data) };
    await this.#faults.appends.enter();
    return this.#log.append(copy, deadlineMs);
  }

  async attach(lane: number, handler: TailHandler, start?: TailStart): Promise<LaneTail> {
    await this.#faults.attaches.enter();
    if (this.topic.endsWith('-lifecycle')) await this.#faults.lifecycleAttaches.enter();
    return new FaultyTail(await this.#log.attach(lane, handler, start), this.#faults);
  }

  joinGroup(spec: GroupSpec, handler: GroupHandler): Promise<LaneGroup> {
    return this.#log.joinGroup(spec, handler);
  }

  rerouter(lane: number): LaneRerouter {
    return this.#log.rerouter(lane);
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

class FaultyTail implements LaneTail {
  readonly #tail: LaneTail;
  readonly #faults: FaultyBus;

  constructor(tail: LaneTail, faults: FaultyBus) {
    this.#tail = tail;
    this.#faults = faults;
  }

  get lane(): number {
    return this.#tail.lane;
  }

  get indexed(): boolean {
    return this.#faults.indexed && this.#tail.indexed;
  }

  get head(): number {
    return this.#tail.head;
  }

  get newestAtAttach(): number {
    return this.#tail.newestAtAttach;
  }

  get position(): string {
    return this.#tail.position;
  }

  get connected(): boolean {
    return this.#tail.connected;
  }

  pause(): void {
    this.#tail.pause();
  }

  resume(): void {
    this.#tail.resume();
  }

  /** Until it is let through, the tail still hands on what comes. */
  async close(): Promise<void> {
    await this.#faults.closes.enter();
    await this.#tail.close();
  }
}
