import { Deferred, withDeadline } from '@pharos/lifecycle';
import type { Bus, BusOptions, Hole, LaneEntry, Log, TailHandler, WorkSubscription } from '@pharos/bus';

/** What the suite needs of an adapter under test: buses on one broker, and what other clients and mishaps do to it. */
export interface BusUnderTest {
  newBus(options?: BusOptions): Promise<Bus>;
  /** A topic name that nothing used before. */
  uniqueTopic(hint: string): string;
  /** Writes a message as a plain client of the broker does, with a key or none, into whichever lane. */
  inject(topic: string, lane: number, message: ForeignMessage): Promise<void>;
  /** Makes the log unanswering until the returned function is called. */
  interrupt(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export interface ForeignMessage {
  readonly key?: string;
  readonly data: Buffer;
  readonly properties?: Readonly<Record<string, string>>;
}

/** Long enough for a loaded machine, and far from what anything here takes. */
export const patienceMs = 60_000;

export interface Seen {
  readonly offset: number;
  readonly channel: string;
  readonly text: string;
  readonly position: string;
  readonly routed: boolean;
  readonly marker: boolean;
  readonly keyHash: number;
  readonly properties: Readonly<Record<string, string>>;
}

/** A tail's handler that notes what it's given, in order, and fails what breaks the port's rules. */
export class Collector implements TailHandler {
  readonly seen: Seen[] = [];
  readonly holes: Hole[] = [];
  readonly connections: boolean[] = [];
  readonly endings: Error[] = [];
  turnEnds = 0;
  entries = 0;
  #inside = false;
  #waiting: { readonly done: () => boolean; readonly deferred: Deferred }[] = [];

  entry(entry: LaneEntry): void {
    if (this.#inside) throw new Error('a handler was called inside another');
    this.#inside = true;
    this.entries++;
    this.seen.push(...readEntry(entry));
    this.#inside = false;
    this.#wake();
  }

  turnEnd(): void {
    this.turnEnds++;
    this.#wake();
  }

  hole(hole: Hole): void {
    this.holes.push(hole);
  }

  connection(connected: boolean): void {
    this.connections.push(connected);
    this.#wake();
  }

  ended(error: Error): void {
    this.endings.push(error);
    this.#wake();
  }

  /** Publications without the marks that Pharos makes for itself. */
  get publications(): Seen[] {
    return this.seen.filter((seen) => !seen.marker);
  }

  get texts(): string[] {
    return this.publications.map((seen) => seen.text);
  }

  async until(done: () => boolean, what: string): Promise<void> {
    if (done()) return;
    const deferred = new Deferred();
    this.#waiting.push({ done, deferred });
    await withDeadline(deferred.promise, patienceMs, `${what} (${this.publications.length} publications so far)`);
  }

  untilCount(count: number): Promise<void> {
    return this.until(() => this.publications.length >= count, `${count} publications`);
  }

  #wake(): void {
    for (const waiting of this.#waiting) if (waiting.done()) waiting.deferred.resolve();
    this.#waiting = this.#waiting.filter((waiting) => !waiting.done());
  }
}

export function readEntry(entry: LaneEntry): Seen[] {
  const seen: Seen[] = [];
  const cursor = entry.publications();
  while (cursor.next()) {
    seen.push({
      offset: cursor.offset,
      channel: cursor.channel(),
      text: cursor.buffer.toString('utf8', cursor.dataStart, cursor.dataEnd),
      position: cursor.position(),
      routed: cursor.routed(),
      marker: cursor.isMarker(),
      keyHash: cursor.keyHash(),
      properties: Object.fromEntries(cursor.properties()),
    });
  }
  if (seen.length !== entry.count) throw new Error(`entry says ${entry.count} publications, has ${seen.length}`);
  return seen;
}

export const appendDeadlineMs = 60_000;

export function append(log: Log, channel: string, text: string, properties?: Record<string, string>): Promise<Receipt> {
  const data = Buffer.from(text);
  return log.append({ channel, data, ...(properties === undefined ? {} : { properties }) }, appendDeadlineMs);
}

type Receipt = Awaited<ReturnType<Log['append']>>;

export function texts(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_value, index) => `${prefix}${index}`);
}

/** The next message within the suite's patience. */
export function next(subscription: WorkSubscription): ReturnType<WorkSubscription['receive']> {
  return withDeadline(subscription.receive(), patienceMs, 'a work message');
}
