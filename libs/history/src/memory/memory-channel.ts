import { exceedsLimits, oldestTimeMs } from '../limits.ts';
import type {
  ChannelLimits,
  HistoryPage,
  HistoryQuery,
  NotRecovered,
  Question,
  StoredPublication,
  StoreLimits,
} from '../port.ts';

/** Readers look at the age themselves, by clocks that may differ. */
const expiryMarginMs = 60_000;

/** The history of one channel. */
export class MemoryChannel {
  top = 0;
  trimmed = 0;
  /** Offset of the last removal. */
  removed = 0;
  /** When the store forgets the channel, in milliseconds since 1970; never where only a removal is known of it. */
  forgottenAtMs: number = Infinity;
  /** When what it keeps is dropped as a whole, on the clock of `performance.now()`: nobody may be given it any more. */
  #expiresAt = 0;
  #kept: StoredPublication[] = [];

  add(publication: StoredPublication, limits: StoreLimits, nowMs: number): void {
    this.#kept.push(publication);
    this.top = publication.offset;
    this.forgottenAtMs = nowMs + limits.metaTtlMs;
    this.#expiresAt = performance.now() + Math.max(0, publication.timeMs + limits.ttlMs - nowMs) + expiryMarginMs;
  }

  /** Takes out what is too old and, oldest first, what is too much. */
  trim(limits: ChannelLimits, nowMs: number): void {
    const oldest = oldestTimeMs(limits, nowMs);
    const alive = this.#kept.findIndex((publication) => publication.timeMs >= oldest);
    const tooOld = alive < 0 ? this.#kept.length : alive;
    this.#drop(Math.max(tooOld, this.#kept.length - limits.size));
  }

  expire(): void {
    if (performance.now() > this.#expiresAt) this.#drop(this.#kept.length);
  }

  remove(offset: number): void {
    this.removed = offset;
    this.#drop(this.#kept.length);
  }

  missed(question: Question, nowMs: number): readonly StoredPublication[] | NotRecovered {
    if (question.offset < this.trimmed) return 'trimmed';
    const missed = this.#kept.filter((publication) => publication.offset > question.offset);
    return exceedsLimits(missed, question.limits, nowMs) ?? missed;
  }

  page(query: HistoryQuery, nowMs: number, maxBytes: number): Omit<HistoryPage, 'watermark' | 'floor'> {
    const oldest = oldestTimeMs(query.limits, nowMs);
    const recent = this.#kept.slice(Math.max(0, this.#kept.length - query.limits.size));
    const alive = recent.findIndex((publication) => publication.timeMs >= oldest);
    const shown = alive < 0 ? [] : recent.slice(alive);
    const hidden = this.#kept[this.#kept.length - shown.length - 1]?.offset ?? 0;
    const since = query.since ?? (query.reverse === true ? Infinity : -1);
    const asked =
      query.reverse === true
        ? shown.filter(({ offset }) => offset < since).reverse()
        : shown.filter(({ offset }) => offset > since);
    const publications = firstPage(asked, query.limit ?? Infinity, maxBytes);
    const more = publications.length > 0 && publications.length < asked.length;
    return {
      publications,
      top: this.top,
      missingThrough: Math.max(this.trimmed, hidden),
      removedThrough: this.removed,
      next: more ? publications.at(-1)?.offset : undefined,
    };
  }

  #drop(count: number): void {
    if (count <= 0) return;
    const dropped = this.#kept.splice(0, count);
    this.trimmed = dropped.at(-1)?.offset ?? this.trimmed;
  }
}

function firstPage(asked: readonly StoredPublication[], limit: number, maxBytes: number): StoredPublication[] {
  const page: StoredPublication[] = [];
  let bytes = 0;
  for (const publication of asked) {
    if (page.length >= limit || (page.length > 0 && bytes >= maxBytes)) break;
    page.push(publication);
    bytes += publication.data.length;
  }
  return page;
}
