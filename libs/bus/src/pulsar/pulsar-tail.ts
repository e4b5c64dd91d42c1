import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '@pharos/lifecycle';
import type { Entry } from '@pharos/pulsar-client';
import { BusError } from '../errors.ts';
import type { LaneTail, TailHandler } from '../port.ts';
import type { TurnScheduler, TurnSource } from '../turns.ts';
import { type Attached, indexOf } from './attach.ts';
import { Continuity } from './continuity.ts';
import type { EntryStream, StreamListener, StreamStart } from './entry-stream.ts';
import { formatPosition } from './position.ts';
import { type EntryContext, PulsarLaneEntry } from './pulsar-entry.ts';

/**
 * A broker that lets go of a topic just while it is subscribed to can forget the subscriber without a word (seen while topics
 * were unloaded in quick succession). A tail that is back and hears nothing for so long, not even its last entry again,
 * subscribes once more.
 */
const secondLookMs = 1_000;

export interface PulsarTailParts {
  readonly topic: string;
  readonly epoch: string;
  readonly context: EntryContext;
  readonly handler: TailHandler;
  readonly turns: TurnScheduler;
  readonly attached: Attached;
  readonly open: (start: StreamStart) => Promise<EntryStream>;
  /** The epoch that the log has now, `undefined` where the log is gone; rejects where it can't be had. */
  readonly readEpoch: () => Promise<string | undefined>;
  readonly warn: (detail: object, message: string) => void;
  readonly onClose: (tail: PulsarTail) => void;
}

/**
 * Follows one lane of a Pulsar log. What to hand over is decided by {@link Continuity}; this carries it out: in turns,
 * re-reading where offsets are missing, asking for the epoch where they contradict each other.
 */
export class PulsarTail implements LaneTail, TurnSource, StreamListener {
  readonly newestAtAttach: number;
  readonly #parts: PulsarTailParts;
  readonly #continuity: Continuity;
  /** None while the lane is being re-read. */
  #stream: EntryStream | undefined;
  #view: PulsarLaneEntry | undefined;
  /** Why the tail is over once what has arrived is delivered. */
  #ending: BusError | undefined;
  /** No entry is taken while what the last one means is being found out. */
  #held = false;
  /** The reader asked for it. */
  #paused = false;
  #connected = true;
  #open = true;
  // Told to the handler in turns, as entries are: never inside another of its calls.
  #news: (() => void)[] = [];
  readonly #closing = new AbortController();
  /** Runs from a resubscription until something comes. */
  #look: NodeJS.Timeout | undefined;

  constructor(parts: PulsarTailParts) {
    this.#parts = parts;
    this.newestAtAttach = parts.attached.newest ?? parts.attached.last.head;
    this.#continuity = new Continuity(parts.attached.last, parts.attached.indexed);
    this.#adopt(parts.attached.stream);
  }

  get lane(): number {
    return this.#parts.context.routing.lane;
  }

  get indexed(): boolean {
    return this.#continuity.indexed;
  }

  get head(): number {
    return this.#continuity.head;
  }

  get position(): string {
    return formatPosition(this.#continuity.ledgerId, this.#continuity.entryId);
  }

  get connected(): boolean {
    return this.#open && this.#connected;
  }

  readable(): void {
    if (this.#paused) this.#heard();
    if (this.#open) this.#parts.turns.ready(this);
  }

  ended(error: BusError): void {
    if (!this.#open) return;
    if (isFinal(error)) {
      this.#ending = error;
      this.#parts.turns.ready(this);
      return;
    }
    this.#parts.warn(
      { err: error, topic: this.#parts.topic, lane: this.lane },
      'a lane lost its broker; resubscribing',
    );
    this.#tellConnection(false);
    void this.#reread();
  }

  hasWork(): boolean {
    if (!this.#open) return false;
    if (this.#news.length > 0) return true;
    return !this.#held && !this.#paused && (this.#stream?.readable === true || this.#ending !== undefined);
  }

  deliver(maxBytes: number): number {
    while (this.#open && this.#news.length > 0) this.#news.shift()?.();
    let delivered = 0;
    let looked = 0;
    while (looked < maxBytes && this.#open && !this.#held && !this.#paused) {
      const entry = this.#stream?.take();
      if (entry === undefined) {
        if (this.#ending !== undefined) this.#end(this.#ending);
        break;
      }
      looked += entry.payload.length + 1;
      delivered += this.#handle(entry);
    }
    return delivered;
  }

  turnEnd(): void {
    if (this.#open) this.#parts.handler.turnEnd?.();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (this.hasWork()) this.#parts.turns.ready(this);
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#news = [];
    this.#closing.abort();
    this.#parts.onClose(this);
    this.#heard();
    const stream = this.#stream;
    this.#stream = undefined;
    await stream?.close();
  }

  /** Says how many bytes were delivered. */
  #handle(entry: Entry): number {
    const stream = this.#stream;
    if (stream === undefined) return 0;
    this.#heard();
    const firstOffset = indexOf(entry);
    const { ledgerId, entryId } = entry.messageId;
    const { session } = stream;
    if (entry.unreadable !== undefined) this.#warnUnreadable(entry);
    if (entry.unreadable !== undefined && firstOffset === 0 && this.#continuity.indexed) {
      this.#continuity.skipDamaged();
      return 0;
    }
    const verdict = this.#continuity.judge({ session, ledgerId, entryId, firstOffset, count: entry.count });
    if (verdict.do === 'deliver') {
      if (verdict.hole !== undefined) this.#parts.handler.hole?.(verdict.hole);
      if (!this.#open) return 0;
      return entry.unreadable === undefined
        ? this.#deliverEntry(entry, firstOffset, verdict.skip)
        : this.#tellLost(entry, firstOffset + verdict.skip, firstOffset + entry.count - 1);
    }
    if (verdict.do === 'reread') void this.#reread();
    else if (verdict.do === 'index-broken') {
      stream.putBack(entry);
      void this.#questionIndex(formatPosition(ledgerId, entryId), firstOffset);
    }
    return 0;
  }

  #deliverEntry(entry: Entry, firstOffset: number, skip: number): number {
    const baseOffset = this.#continuity.indexed ? firstOffset : 0;
    this.#view ??= new PulsarLaneEntry(this.#parts.context, entry, baseOffset, skip);
    this.#view.set(entry, baseOffset, skip);
    const { bytes } = this.#view;
    this.#parts.handler.entry(this.#view);
    return bytes;
  }

  /** What nobody can read is gone for its subscribers, who must not take what follows for all there is. */
  #tellLost(entry: Entry, from: number, to: number): number {
    if (this.#continuity.indexed) this.#parts.handler.hole?.({ from, to, kind: 'lost' });
    return entry.payload.length;
  }

  #warnUnreadable(entry: Entry): void {
    const { ledgerId, entryId } = entry.messageId;
    this.#parts.context.onUnreadable(formatPosition(ledgerId, entryId), entry.unreadable);
  }

  #adopt(stream: EntryStream): void {
    this.#stream = stream;
    stream.listen(this);
    if (stream.end !== undefined) this.ended(stream.end);
    if (this.hasWork()) this.#parts.turns.ready(this);
  }

  /** Subscribes anew from the last entry, that one included, for as long as it takes. */
  async #reread(look: 'again' | 'enough' = 'again'): Promise<void> {
    const old = this.#stream;
    if (old === undefined) return;
    this.#heard();
    this.#held = true;
    this.#stream = undefined;
    const { ledgerId, entryId } = this.#continuity;
    const start: StreamStart = ledgerId < 0n ? { at: 'earliest' } : { at: 'entry', ledgerId, entryId };
    const backoff = new Backoff();
    try {
      await old.close();
      while (this.#open) {
        const stream = await this.#tryOpen(start);
        if (stream !== undefined) return await this.#resume(stream, look);
        await delay(backoff.next(), undefined, { signal: this.#closing.signal });
      }
    } catch (error) {
      if (this.#open) this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** `undefined` where trying again may help. */
  async #tryOpen(start: StreamStart): Promise<EntryStream | undefined> {
    try {
      return await this.#parts.open(start);
    } catch (error) {
      if (!(error instanceof BusError) || isFinal(error)) throw error;
      this.#parts.warn({ err: error, topic: this.#parts.topic, lane: this.lane }, 'a lane can not be read again yet');
      this.#tellConnection(false);
      return undefined;
    }
  }

  async #resume(stream: EntryStream, look: 'again' | 'enough'): Promise<void> {
    if (!this.#open) return stream.close();
    this.#held = false;
    if (look === 'again') this.#look = setTimeout(() => void this.#reread('enough'), secondLookMs).unref();
    this.#tellConnection(true);
    this.#adopt(stream);
    // A log that was deleted and made anew while nobody was connected may look like a silent one.
    if (this.#parts.epoch !== '') await this.#endIfReplaced();
  }

  /** An entry's offsets contradict what was delivered: another life of the log, or an index that can't be trusted. */
  async #questionIndex(position: string, firstOffset: number): Promise<void> {
    this.#held = true;
    await this.#endIfReplaced();
    if (!this.#open) return;
    const { topic } = this.#parts;
    const expected = `${firstOffset <= 0 ? 'none' : firstOffset} at ${position}, after ${this.#continuity.head}`;
    const error = new BusError(
      'refused',
      `the offsets of lane ${this.lane} of '${topic}' can't be trusted: ${expected}`,
    );
    this.#continuity.stopIndexing();
    this.#news.push(() => this.#parts.handler.indexLost?.(error));
    this.#held = false;
    this.#parts.turns.ready(this);
  }

  async #endIfReplaced(): Promise<void> {
    try {
      const epoch = await this.#parts.readEpoch();
      if (!this.#open || epoch === this.#parts.epoch) return;
      this.#end(new BusError('log-ended', lifeEnded(this.#parts.topic, this.#parts.epoch, epoch)));
    } catch (error) {
      // Whether it was replaced shows with the next offsets too; not knowing yet is no reason to stop.
      this.#parts.warn({ err: error, topic: this.#parts.topic }, 'the epoch of a log could not be read');
    }
  }

  #heard(): void {
    clearTimeout(this.#look);
  }

  #tellConnection(connected: boolean): void {
    if (!this.#open || this.#connected === connected) return;
    this.#connected = connected;
    this.#news.push(() => this.#parts.handler.connection?.(connected));
    this.#parts.turns.ready(this);
  }

  #end(error: Error): void {
    this.#held = true;
    this.#ending = undefined;
    this.#news.push(() => this.#finish(error));
    this.#parts.turns.ready(this);
  }

  #finish(reason: Error): void {
    const { warn, topic, handler } = this.#parts;
    // Nobody waits for the stream to close; where that fails, the broker forgets it with the connection.
    this.close().catch((failure: unknown) => warn({ err: failure, topic }, 'a tail was not closed cleanly'));
    handler.ended?.(reason);
  }
}

/**
 * What a tail can't outlive. Anything else may pass, a refusal too: a balancer that answers for the broker, permissions that
 * are being changed. Its subscribers lose nothing by waiting, but would by a new beginning at the head.
 */
function isFinal(error: BusError): boolean {
  return error.code === 'log-ended' || error.code === 'closed';
}

/** What became of the life of a log whose epoch reads otherwise now. */
export function lifeEnded(topic: string, epoch: string, now: string | undefined): string {
  const fate = now === undefined ? 'was deleted' : `began another life, ${now} in place of ${epoch}`;
  return `the log '${topic}' ${fate}`;
}
