import assert from 'node:assert/strict';
import type { Batch, HistoryStore, LaneId, NewEntry, Recovery, StoreLimits, WriteOutcome } from '@pharos/history';
import { brief, type HistoryUnderTest, publication, TestClock, uniqueLane } from '../conformance/harness.ts';
import type { NewMessage, Step } from './steps.ts';

interface Message {
  readonly offset: number;
  readonly channel: string;
  readonly kind: 'publication' | 'remove';
  readonly timeMs: number;
}

const channels: readonly (readonly [string, StoreLimits])[] = [
  ['}x', { size: 3, ttlMs: 60_000, metaTtlMs: 200_000 }],
  ['{b}', { size: 5, ttlMs: 40_000, metaTtlMs: 40_000 }],
  ['c', { size: 100, ttlMs: 100_000, metaTtlMs: 1_000_000 }],
];

function positionOf(offset: number): string {
  return `at-${offset}`;
}

/**
 * A log, the writer that brings it into the stores as the history service will, and what befalls them. The stores do the same side by
 * side, and what they say is held against the log itself.
 */
export class World {
  readonly #clock = new TestClock();
  readonly #lane: LaneId = uniqueLane();
  readonly #rigs: readonly HistoryUnderTest[];
  readonly #stores: readonly HistoryStore[];
  #log: Message[] = [];
  #head = 0;
  /** Offsets up to this one are no longer in the log. */
  #retainedAfter = 0;
  /** What the writer takes for the watermark. */
  #position = 0;
  #rollBack: (() => Promise<void>) | undefined;
  /** What came of the checks, so that a test can see that they met every case. */
  readonly seen: Set<string> = new Set();

  constructor(rigs: readonly HistoryUnderTest[]) {
    this.#rigs = rigs;
    this.#stores = rigs.map((rig) => rig.newStore({ now: this.#clock.now }));
  }

  async take(step: Step): Promise<void> {
    if (step.do === 'publish') for (const message of step.messages) this.#publish(message);
    else if (step.do === 'write') await this.#write(step.count, step.overlap);
    else if (step.do === 'stale') await this.#stale(step.back, step.count);
    else if (step.do === 'retain') this.#retain(step.count);
    else if (step.do === 'wait') this.#clock.nowMs += step.ms;
    else if (step.do === 'tidy') await this.#same((store) => store.tidy(this.#lane));
    else if (step.do === 'snapshot') await this.#snapshot();
    else if (step.do === 'rollBack') await this.#rollBack?.();
    else await Promise.all(this.#rigs.map((rig) => rig.flush()));
  }

  /** Asks for every channel from every offset, and for pages; all must be true. */
  async check(): Promise<void> {
    await this.#checkPosition();
    const offsets = Array.from({ length: this.#head + 2 }, (_value, offset) => offset);
    for (const [channel, limits] of channels) {
      const questions = offsets.map((offset) => ({ channel, offset, limits }));
      const answers = await this.#same((store) => store.recoverMany(this.#lane, questions));
      answers.forEach((answer, offset) => this.#judge(answer, channel, offset, limits));
      await this.#checkPages(channel, limits);
    }
  }

  /** Whoever takes over goes on from it. */
  async #checkPosition(): Promise<void> {
    const state = await this.#same((store) => store.state(this.#lane));
    if (state === undefined) return;
    this.seen.add(state.position === undefined ? 'no position' : 'position');
    assert.ok(state.position === undefined || state.position === positionOf(state.watermark), JSON.stringify(state));
  }

  #publish({ channel, gap, kind }: NewMessage): void {
    this.#head += 1 + gap;
    const [name] = channels[channel] ?? ['c'];
    this.#log.push({ offset: this.#head, channel: name, kind, timeMs: this.#clock.nowMs });
  }

  async #write(count: number, overlap: number): Promise<void> {
    const kept = this.#log.filter(({ offset }) => offset > this.#retainedAfter);
    const next = kept.filter(({ offset }) => offset > this.#position).slice(0, count);
    const before = overlap === 0 ? [] : kept.filter(({ offset }) => offset <= this.#position).slice(-overlap);
    const outcome = await this.#append(this.#position, [...before, ...next]);
    if (outcome.written) {
      assert.equal(outcome.duplicates, before.length);
      this.#position = outcome.watermark;
    } else if (outcome.watermark === undefined) {
      const floor = this.#retainedAfter;
      const rebuilt = await this.#same((store) => store.rebuild(this.#lane, floor, undefined));
      assert.ok(rebuilt.written);
      this.#position = floor;
    } else this.#position = outcome.watermark;
  }

  async #stale(back: number, count: number): Promise<void> {
    const earlier = Math.max(0, this.#position - back);
    const kept = this.#log.filter(({ offset }) => offset > Math.max(earlier, this.#retainedAfter));
    await this.#append(earlier, kept.slice(0, count));
  }

  #append(previous: number, messages: readonly Message[]): Promise<WriteOutcome> {
    const watermark = messages.at(-1)?.offset ?? previous;
    const lost = previous < this.#retainedAfter && watermark >= this.#retainedAfter;
    const batch: Batch = {
      previous,
      watermark: Math.max(watermark, previous),
      entries: messages.map((message) => this.#entry(message)),
      ...(lost ? { floor: this.#retainedAfter } : {}),
      ...(messages.length > 0 ? { position: positionOf(watermark) } : {}),
    };
    return this.#same((store) => store.append(this.#lane, batch));
  }

  #entry({ offset, channel, kind, timeMs }: Message): NewEntry {
    const limits = channels.find(([name]) => name === channel)?.[1];
    assert.ok(limits !== undefined);
    return kind === 'remove'
      ? { kind, channel, offset }
      : publication(this.#clock, offset, channel, { timeMs, limits });
  }

  #retain(count: number): void {
    const dropped = this.#log.filter(({ offset }) => offset > this.#retainedAfter)[count - 1];
    // Only what the writer has taken or lost: retention holds back for its subscription otherwise.
    if (dropped !== undefined && dropped.offset <= this.#position) this.#retainedAfter = dropped.offset;
  }

  async #snapshot(): Promise<void> {
    const all = await Promise.all(this.#rigs.map((rig) => rig.snapshot()));
    this.#rollBack = async () => {
      await Promise.all(all.map((rollBack) => rollBack()));
    };
  }

  #judge(answer: Recovery, channel: string, offset: number, limits: StoreLimits): void {
    const { missed, removed } = this.#missed(channel, offset, answer.watermark);
    const said = `${channel} from ${offset}: ${JSON.stringify(brief(answer))} at ${answer.watermark}, floor ${answer.floor}`;
    const old = (message: Message | undefined): boolean =>
      message !== undefined && message.timeMs < this.#clock.nowMs - limits.ttlMs;
    this.seen.add(answer.recovered ? `recovered ${missed.length > 0 ? 'some' : 'none'}` : answer.reason);
    if (answer.recovered) {
      assert.deepEqual(
        brief(answer),
        missed.map((message) => message.offset),
        said,
      );
      assert.ok(offset >= answer.floor && missed.length <= limits.size && !old(missed[0]) && !removed, said);
    } else if (answer.reason === 'floor') assert.ok(offset < answer.floor, said);
    else if (answer.reason === 'too-many') assert.ok(missed.length > limits.size, said);
    else if (answer.reason === 'too-old') assert.ok(old(missed[0]), said);
    else if (answer.reason === 'trimmed') assert.ok(removed || missed.length > limits.size || old(missed[0]), said);
  }

  /** By the log itself: what came for the channel after `offset` and up to the watermark, and whether some of it was removed. */
  #missed(channel: string, offset: number, watermark: number): { missed: Message[]; removed: boolean } {
    const of = this.#log.filter((message) => message.channel === channel && message.offset <= watermark);
    const removal = of.findLast(({ kind }) => kind === 'remove')?.offset ?? 0;
    const publications = of.filter((message) => message.kind === 'publication' && message.offset > offset);
    return {
      missed: publications.filter((message) => message.offset > removal),
      removed: publications.some((message) => message.offset < removal),
    };
  }

  async #checkPages(channel: string, limits: StoreLimits): Promise<void> {
    for (const reverse of [false, true]) {
      const whole = await this.#same((store) => store.history(this.#lane, channel, { limits, reverse }));
      if (whole === undefined) continue;
      const paged: number[] = [];
      let since: number | undefined;
      do {
        const query = { limits, reverse, limit: 2, ...(since === undefined ? {} : { since }) };
        const page = await this.#same((store) => store.history(this.#lane, channel, query));
        paged.push(...(page?.publications ?? []).map(({ offset }) => offset));
        since = page?.next;
      } while (since !== undefined);
      const offsets = whole.publications.map(({ offset }) => offset);
      assert.deepEqual(paged, offsets);
      const { missed } = this.#missed(channel, whole.missingThrough, whole.watermark);
      const shown = (reverse ? offsets.toReversed() : offsets).filter((offset) => offset > whole.missingThrough);
      assert.deepEqual(
        shown,
        missed.map(({ offset }) => offset),
        `all of ${channel} above ${whole.missingThrough}`,
      );
    }
  }

  /** Asks all stores the same; they must agree. */
  async #same<T>(ask: (store: HistoryStore) => Promise<T>): Promise<T> {
    const [first, ...others] = await Promise.all(this.#stores.map(ask));
    for (const other of others) assert.deepEqual(other, first);
    return first as T;
  }
}
