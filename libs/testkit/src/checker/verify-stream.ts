import { eventsAround, type Fault, type FaultKind } from './fault.ts';
import type { ChannelTruth, StreamEvent, StreamLog, TruthEntry } from './records.ts';

export interface StreamOptions {
  /** The run is over and everything has had its time: who is subscribed must have all, and nobody may be away. @default true */
  readonly complete?: boolean;
}

/** What was found about one client in one channel. */
export interface StreamVerdict {
  readonly faults: readonly Fault[];
  readonly publications: number;
  /** Subscribes after the first one that were answered `recovered: true`. */
  readonly recovered: number;
  /** Times the client was told that it may have missed something. */
  readonly told: number;
  /** Publications that it missed and was told of. */
  readonly toldPublications: number;
}

/** Codes that tell a client that its position is no longer good: insufficient state, as unsubscribe, as error, as close; and the end. */
const tellingUnsubscribes = new Set([2000, 2500]);
const tellingErrors = new Set([112]);
const tellingCloses = new Set([3010]);

/**
 * Holds what a client saw of a channel against what the channel has: from its first position on everything once, in order, but for
 * what it was told that it missed.
 */
export function verifyStream(log: StreamLog, truth: ChannelTruth, options: StreamOptions = {}): StreamVerdict {
  const verifier = new StreamVerifier(log, truth);
  for (const [index, event] of log.events.entries()) verifier.take(event, index);
  if (options.complete ?? true) verifier.end();
  return verifier.verdict();
}

class StreamVerifier {
  readonly #log: StreamLog;
  readonly #truth: ChannelTruth;
  readonly #faults: Fault[] = [];
  /** Offsets that are missing so far, each with the place of the fault that says so. */
  readonly #gaps = new Map<number, { readonly fault: number }>();
  /** Publications that a gap still lacks; the gap is no loss when none is. */
  readonly #open = new Map<number, number>();
  readonly #came = new Set<number>();
  #position: number | undefined;
  /** The subscription has no position: the next publication gives it one. */
  #floats = false;
  #subscribed = false;
  #recoverable = false;
  #isTold = false;
  #hasLeft = false;
  #publications = 0;
  #recovered = 0;
  #told = 0;
  #toldPublications = 0;

  constructor(log: StreamLog, truth: ChannelTruth) {
    this.#log = log;
    this.#truth = truth;
  }

  take(event: StreamEvent, index: number): void {
    switch (event.kind) {
      case 'subscribed':
        this.#onSubscribed(event, index);
        return;
      case 'publication':
        this.#onPublication(event, index);
        return;
      case 'unsubscribed':
        this.#ended(tellingUnsubscribes.has(event.code));
        return;
      case 'refused':
        this.#ended(tellingErrors.has(event.code));
        return;
      case 'disconnected':
        this.#ended(tellingCloses.has(event.code) || !this.#recoverable);
        return;
      case 'left':
        this.#hasLeft = true;
        this.#ended(true);
        return;
    }
  }

  end(): void {
    if (this.#hasLeft) return;
    const last = this.#log.events.length - 1;
    if (!this.#subscribed) {
      this.#fault('away', last, 'a subscription at the end of the run', 'none');
      return;
    }
    if (this.#position === undefined || this.#floats) return;
    const missing = this.#between(this.#position, Number.POSITIVE_INFINITY);
    if (missing.length > 0) this.#fault('lost', last, range(missing), 'nothing more', missing.length);
  }

  verdict(): StreamVerdict {
    return {
      // Late is not lost: what came after all is told as out of order.
      faults: this.#faults.filter((_, place) => this.#open.get(place) !== 0),
      publications: this.#publications,
      recovered: this.#recovered,
      told: this.#told,
      toldPublications: this.#toldPublications,
    };
  }

  #onSubscribed(event: Extract<StreamEvent, { kind: 'subscribed' }>, index: number): void {
    const { offset, epoch, wasRecovering, recovered } = event;
    const { epoch: trueEpoch } = this.#truth;
    if (trueEpoch !== undefined && epoch !== trueEpoch && event.recoverable) {
      this.#fault('wrong-epoch', index, `epoch ${trueEpoch}`, `epoch ${epoch}`);
    }
    const before = this.#position;
    const isTold = this.#isTold || (wasRecovering && !recovered);
    this.#subscribed = true;
    this.#recoverable = event.recoverable;
    this.#isTold = false;
    this.#floats = offset === undefined && !(wasRecovering && recovered);
    if (before === undefined) this.#position = offset;
    // It goes on where it was: what was missed comes next, or is missing.
    else if (wasRecovering && recovered) this.#recovered++;
    else this.#goesOnAt(offset, before, isTold, index);
  }

  #goesOnAt(offset: number | undefined, before: number, isTold: boolean, index: number): void {
    if (offset === undefined) {
      if (isTold) this.#told++;
      // Without a position there is no telling what was missed: the subscription itself has to have been told.
      else this.#fault('lost', index, `what follows ${before}`, 'a new subscription without a position');
      return;
    }
    const missed = this.#between(before, offset);
    if (isTold) {
      this.#told++;
      this.#toldPublications += missed.length;
    } else if (missed.length > 0) {
      this.#fault('lost', index, range(missed), `a new subscription at ${offset}, which tells nothing`, missed.length);
    }
    if (offset < before && this.#recoverable) {
      this.#fault('went-back', index, `a position from ${before} on`, `${offset}`);
    }
    this.#position = Math.max(offset, before);
  }

  #onPublication(event: Extract<StreamEvent, { kind: 'publication' }>, index: number): void {
    const { offset, message } = event;
    const seen = `${offset} '${message}'`;
    this.#publications++;
    if (!this.#subscribed) {
      this.#fault('stray', index, 'nothing without a subscription', seen);
      return;
    }
    const entry = this.#at(offset);
    if (entry === undefined) {
      this.#fault('strange', index, `nothing at ${offset}`, seen);
      return;
    }
    if (entry.message !== message) this.#fault('wrong-data', index, text(entry), seen);
    if (this.#position !== undefined && offset <= this.#position) {
      this.#late(offset, seen, index);
      return;
    }
    const missing = this.#floats ? [] : this.#between(this.#position ?? 0, offset - 1);
    if (missing.length > 0) this.#gap(missing, seen, index);
    this.#floats = false;
    this.#came.add(offset);
    this.#position = offset;
  }

  /** Something at or before the position: it came before, or it was missing so far, or it lies before the subscription. */
  #late(offset: number, seen: string, index: number): void {
    const after = `something after ${this.#position}`;
    if (this.#came.has(offset)) {
      this.#fault('duplicate', index, after, seen);
      return;
    }
    this.#came.add(offset);
    this.#fault('reordered', index, after, seen);
    const gap = this.#gaps.get(offset);
    if (gap === undefined) return;
    this.#gaps.delete(offset);
    this.#open.set(gap.fault, (this.#open.get(gap.fault) ?? 0) - 1);
  }

  #gap(missing: readonly TruthEntry[], seen: string, index: number): void {
    const fault = this.#faults.length;
    this.#fault('lost', index, range(missing), seen, missing.length);
    this.#open.set(fault, missing.length);
    for (const { offset } of missing) this.#gaps.set(offset, { fault });
  }

  #ended(isTelling: boolean): void {
    this.#subscribed = false;
    if (isTelling) this.#isTold = true;
  }

  #at(offset: number): TruthEntry | undefined {
    const entry = this.#truth.entries[firstAfter(this.#truth.entries, offset - 1)];
    return entry?.offset === offset ? entry : undefined;
  }

  /** The entries in (after, upTo]. */
  #between(after: number, upTo: number): readonly TruthEntry[] {
    const { entries } = this.#truth;
    return upTo <= after ? [] : entries.slice(firstAfter(entries, after), firstAfter(entries, upTo));
  }

  #fault(kind: FaultKind, index: number, expected: string, seen: string, count = 1): void {
    const { client, channel, events } = this.#log;
    this.#faults.push({ kind, client, channel, expected, seen, count, around: eventsAround(events, index) });
  }
}

/** Place of the first entry whose offset is greater. */
function firstAfter(entries: readonly TruthEntry[], offset: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle] as TruthEntry).offset > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

function range(entries: readonly TruthEntry[]): string {
  const [first, last] = [entries[0] as TruthEntry, entries.at(-1) as TruthEntry];
  return first === last ? text(first) : `${text(first)} to ${text(last)}`;
}

function text({ offset, message }: TruthEntry): string {
  return `${offset} '${message}'`;
}
