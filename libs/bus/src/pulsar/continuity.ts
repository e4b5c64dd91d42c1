import type { Hole } from '../port.ts';

/** Where an entry lies and what offsets it has, as one session of a subscription delivered it. */
export interface EntryPlace {
  /** Grows with every (re)subscription. */
  readonly session: number;
  readonly ledgerId: bigint;
  readonly entryId: bigint;
  /** Offset of its first publication; 0 where the broker gave no index. */
  readonly firstOffset: number;
  readonly count: number;
}

/**
 * What to do with an entry. `drop`: it was seen, or will come again with the re-read. `deliver`: after telling of `hole`
 * where there is one, without the first `skip` publications. `reread`: offsets are missing before it and that may be
 * this session's fault; drop it and subscribe anew from the last entry, inclusive. `index-broken`: its offsets
 * contradict what was delivered; nothing can be said of any offset until somebody finds out why.
 */
export type Verdict =
  | { readonly do: 'drop' | 'reread' | 'index-broken' }
  | { readonly do: 'deliver'; readonly skip: number; readonly hole?: Hole };

/** The newest entry that was delivered or that a tail began after, and the offset that it ends with. */
export interface LastEntry {
  readonly ledgerId: bigint;
  readonly entryId: bigint;
  /** Newest offset that was handed over; may lie inside the entry where a tail begins there. */
  readonly head: number;
  /** The session that delivered the entry; −1 where none did. */
  readonly session: number;
}

const drop: Verdict = { do: 'drop' };
const reread: Verdict = { do: 'reread' };
const broken: Verdict = { do: 'index-broken' };

/**
 * Decides, entry by entry, what a tail hands over: everything once, in order, and every missing offset told.
 *
 * A jump of offsets between two entries of one session and one ledger was made by the broker (markers of its own take
 * offsets too). Any other jump is suspect, because a resubscription or a ledger's end is where entries can go missing:
 * the tail re-reads once from its last entry. Where that entry is seen again, all that follows it in its ledger is what
 * there is; where the jump stays, the offsets are lost (retention took them).
 *
 * Pure: no clock, no I/O.
 */
export class Continuity {
  #ledgerId: bigint;
  #entryId: bigint;
  #head: number;
  #session: number;
  #suspectSession = -1;
  #indexed: boolean;
  #damaged = false;

  constructor(last: LastEntry, indexed: boolean) {
    this.#ledgerId = last.ledgerId;
    this.#entryId = last.entryId;
    this.#head = last.head;
    this.#session = last.session;
    this.#indexed = indexed;
  }

  get head(): number {
    return this.#indexed ? this.#head : 0;
  }

  get ledgerId(): bigint {
    return this.#ledgerId;
  }

  get entryId(): bigint {
    return this.#entryId;
  }

  get indexed(): boolean {
    return this.#indexed;
  }

  /** From now on goes by positions alone; offsets are 0. */
  stopIndexing(): void {
    this.#indexed = false;
  }

  /** An entry came that is damaged beyond its index: the jump of offsets that it leaves is no mark of the broker's. */
  skipDamaged(): void {
    this.#damaged = true;
  }

  judge(place: EntryPlace): Verdict {
    if (place.session <= this.#suspectSession) return drop;
    const order = this.#compare(place);
    if (order < 0) return drop;
    if (!this.#indexed) return order === 0 ? drop : this.#accept(place, 0);
    if (place.firstOffset <= 0) return broken;
    return order === 0 ? this.#judgeAnchor(place) : this.#judgeNew(place);
  }

  /** The last entry once more: proof that nothing between it and what follows in this session is missing. */
  #judgeAnchor(place: EntryPlace): Verdict {
    const lastOffset = place.firstOffset + place.count - 1;
    if (lastOffset < this.#head || place.firstOffset > this.#head + 1) return broken;
    if (lastOffset > this.#head) return this.#accept(place, this.#head + 1 - place.firstOffset);
    this.#session = place.session;
    return drop;
  }

  #judgeNew(place: EntryPlace): Verdict {
    const from = this.#head + 1;
    if (place.firstOffset < from) return broken;
    if (place.firstOffset === from) return this.#accept(place, 0);
    const to = place.firstOffset - 1;
    if (this.#damaged) return this.#accept(place, 0, { from, to, kind: 'lost' });
    if (place.session === this.#session && place.ledgerId === this.#ledgerId) {
      return this.#accept(place, 0, { from, to, kind: 'broker' });
    }
    if (this.#suspectSession >= 0) return this.#accept(place, 0, { from, to, kind: 'lost' });
    this.#suspectSession = place.session;
    return reread;
  }

  #accept(place: EntryPlace, skip: number, hole?: Hole): Verdict {
    this.#ledgerId = place.ledgerId;
    this.#entryId = place.entryId;
    this.#head = place.firstOffset + place.count - 1;
    this.#session = place.session;
    this.#suspectSession = -1;
    this.#damaged = false;
    return hole === undefined ? { do: 'deliver', skip } : { do: 'deliver', skip, hole };
  }

  #compare(place: EntryPlace): number {
    if (place.ledgerId !== this.#ledgerId) return place.ledgerId < this.#ledgerId ? -1 : 1;
    if (place.entryId !== this.#entryId) return place.entryId < this.#entryId ? -1 : 1;
    return 0;
  }
}
