import type { BusError } from '@pharos/bus';
import type { Entry } from '@pharos/pulsar-client';
import type { EntryStream, StreamListener, StreamStart } from '../src/pulsar/entry-stream.ts';

/** One entry of a scripted lane; each message's text is its offset. */
export interface ScriptedEntry {
  readonly ledger: number;
  readonly entry: number;
  /** Offset of its first message; 0 for an entry without an index. */
  readonly firstOffset: number;
  readonly unreadable?: boolean;
}

/** A lane of a broker that does what a test says: for what a real one does once in a year. */
export class ScriptedLane {
  entries: ScriptedEntry[] = [];
  readonly streams: ScriptedStream[] = [];
  readonly starts: StreamStart[] = [];
  /** False: what is appended has no index. */
  indexed = true;
  /** What the next calls of `open` do in place of opening. */
  failures: Error[] = [];

  open = async (start: StreamStart): Promise<EntryStream> => {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    this.starts.push(start);
    const stream = new ScriptedStream(this, this.streams.length + 1, start);
    this.streams.push(stream);
    return stream;
  };

  append(...appended: ScriptedEntry[]): void {
    const entries = this.indexed ? appended : appended.map((entry) => ({ ...entry, firstOffset: 0 }));
    this.entries.push(...entries);
    for (const stream of this.streams) stream.feed(entries);
  }

  get stream(): ScriptedStream {
    return this.streams.at(-1) as ScriptedStream;
  }
}

export class ScriptedStream implements EntryStream {
  readonly #lane: ScriptedLane;
  readonly session: number;
  #queue: Entry[] = [];
  #listener: StreamListener | undefined;
  end: BusError | undefined;
  closed = false;

  constructor(lane: ScriptedLane, generation: number, start: StreamStart) {
    this.#lane = lane;
    this.session = generation;
    if (start.at !== 'latest') this.#queue = lane.entries.filter((entry) => isFrom(entry, start)).map(makeEntry);
  }

  take(): Entry | undefined {
    return this.#queue.shift();
  }

  putBack(entry: Entry): void {
    this.#queue.unshift(entry);
  }

  get readable(): boolean {
    return this.#queue.length > 0;
  }

  listen(listener: StreamListener): void {
    this.#listener = listener;
  }

  async newest(): Promise<{ ledgerId: bigint; entryId: bigint } | undefined> {
    const entry = this.#lane.entries.at(-1);
    return entry === undefined ? undefined : { ledgerId: BigInt(entry.ledger), entryId: BigInt(entry.entry) };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.#listener = undefined;
  }

  feed(entries: readonly ScriptedEntry[]): void {
    if (this.closed) return;
    this.#queue.push(...entries.map(makeEntry));
    this.#listener?.readable();
  }

  fail(error: BusError): void {
    this.end = error;
    this.#listener?.ended(error);
  }
}

function isFrom(entry: ScriptedEntry, start: StreamStart): boolean {
  if (start.at !== 'entry') return true;
  const ledger = BigInt(entry.ledger);
  return ledger > start.ledgerId || (ledger === start.ledgerId && BigInt(entry.entry) >= start.entryId);
}

function makeEntry(scripted: ScriptedEntry): Entry {
  const text = String(scripted.firstOffset);
  return {
    messageId: { ledgerId: BigInt(scripted.ledger), entryId: BigInt(scripted.entry), partition: -1 },
    ...(scripted.firstOffset === 0
      ? {}
      : { brokerEntry: { index: scripted.firstOffset - 1, brokerTimestampMs: 1_700_000_000_000 } }),
    metadata: { producerName: 'scripted', sequenceId: 0, publishTime: 1_600_000_000_000 },
    batch: false,
    count: 1,
    payload: Buffer.from(text),
    ...(scripted.unreadable === true ? { unreadable: new Error('no such compression') } : {}),
    session: 1,
  } as unknown as Entry;
}
