import { BusError, type Log, type TailStart } from '@pharos/bus';
import type { LivingLog } from '@pharos/channels';

import type { ReplayReaders } from './replay-readers.ts';
import { readStretch, type Stretch } from './stretch.ts';

/** A place that reading can begin from without looking for it. */
interface Anchor {
  readonly offset: number;
  readonly position: string;
}

const maxAnchors = 256;
const maxStretches = 16;
/** A resume that is asked for so close behind what is being read waits for that. */
const sharedWithin = 10_000;
const firstAgeMs = 60_000;
const agesFactor = 8;
const oldestAgeMs = 400 * 86_400_000;
/** The broker finds times to the second. */
const finestAgeMs = 2_000;
/** From when a place was found to when it is read from. */
const slackMs = 5_000;
const maxProbes = 16;

/** Reads one lane of a log from the past: each part once, for all that ask for it at about the same time. */
export class LaneReplay {
  readonly #log: LivingLog;
  readonly #lane: number;
  readonly #readers: ReplayReaders;
  /** What was read lately, oldest first. */
  #stretches: Stretch[] = [];
  #anchors: Anchor[] = [];
  readonly #underWay = new Map<number, Promise<void>>();
  /** The life that all this is of. */
  #epoch = '';

  constructor(log: LivingLog, lane: number, readers: ReplayReaders) {
    this.#log = log;
    this.#lane = lane;
    this.#readers = readers;
  }

  /**
   * A part of the lane that has all after `after` up to at least `through`, or begins where the log does. Where bounds end it
   * sooner it says how far it goes.
   *
   * @param until read no further than this, though a reader that passes may
   * @throws BusError, ReplayBusy, DeadlineExceeded
   */
  async stretch(epoch: string, after: number, through: number, until: number, deadlineAt: number): Promise<Stretch> {
    if (epoch !== this.#epoch) this.#forget(epoch);
    for (;;) {
      const known = this.#find(after, through);
      if (known !== undefined) return known;
      const near = this.#nearUnderWay(after);
      if (near !== undefined) {
        await near;
        if (this.#find(after, through) !== undefined) continue;
      }
      const read = await this.#readers.run(deadlineAt, () => this.#read(epoch, after, until, deadlineAt));
      // A place that had to be come near to: from there it is closer.
      if (read.through > after || performance.now() >= deadlineAt) return read;
    }
  }

  forget(): void {
    this.#forget('');
  }

  #find(after: number, through: number): Stretch | undefined {
    return this.#stretches.find((one) => one.ring.reaches(after) && one.through >= through && one.through > after);
  }

  #nearUnderWay(after: number): Promise<void> | undefined {
    for (const [from, reading] of this.#underWay) if (from <= after && after - from <= sharedWithin) return reading;
    return undefined;
  }

  async #read(epoch: string, after: number, until: number, deadlineAt: number): Promise<Stretch> {
    const reading = this.#readNew(epoch, after, until, deadlineAt);
    const settled = reading.then(
      () => undefined,
      () => undefined,
    );
    if (!this.#underWay.has(after)) this.#underWay.set(after, settled);
    try {
      const stretch = await reading;
      this.#keep(epoch, stretch);
      return stretch;
    } finally {
      if (this.#underWay.get(after) === settled) this.#underWay.delete(after);
    }
  }

  async #readNew(epoch: string, after: number, until: number, deadlineAt: number): Promise<Stretch> {
    const life = await this.#log.living();
    if (life.epoch !== epoch) throw new BusError('log-ended', `${life.topic} began another life`);
    const anchor = this.#anchorBefore(after);
    if (anchor !== undefined) {
      try {
        return await this.#from(life, { at: 'after', ...anchor }, until, deadlineAt);
      } catch (error) {
        if (!(error instanceof BusError) || error.code !== 'position-gone') throw error;
        this.#anchors = this.#anchors.filter(({ offset }) => offset > anchor.offset);
      }
    }
    return this.#from(life, await this.#locate(life, after, deadlineAt), until, deadlineAt);
  }

  async #from(life: Log, start: TailStart, until: number, deadlineAt: number): Promise<Stretch> {
    const ring = this.#readers.newRing();
    const { stretchBytes: maxBytes } = this.#readers.limits;
    const timeoutMs = Math.max(1, deadlineAt - performance.now());
    try {
      const stretch = await readStretch(life, this.#lane, start, ring, { until, maxBytes, timeoutMs });
      this.#readers.read(stretch.bytes);
      return stretch;
    } catch (error) {
      ring.close();
      throw error;
    }
  }

  /** Where to begin reading, not far before an offset: found by asking the broker for times, nearer and nearer. */
  async #locate(life: Log, after: number, deadlineAt: number): Promise<TailStart> {
    let young = 0;
    let old: number | undefined;
    let ageMs = firstAgeMs;
    for (let probe = 0; probe < maxProbes && performance.now() < deadlineAt; probe++) {
      const head = await this.#probe(life, ageMs);
      if (head > after) young = ageMs;
      else old = ageMs;
      if (old === undefined) {
        if (ageMs >= oldestAgeMs) return { at: 'earliest' };
        ageMs = Math.min(oldestAgeMs, ageMs * agesFactor);
        continue;
      }
      if ((head <= after && after - head <= this.#readers.limits.maxSkip) || old - young <= finestAgeMs) break;
      ageMs = (young + old) / 2;
    }
    return old === undefined ? { at: 'earliest' } : { at: 'recent', maxAgeMs: old + slackMs };
  }

  /** The offset before the oldest message that is at most so old. */
  async #probe(life: Log, maxAgeMs: number): Promise<number> {
    const tail = await life.attach(this.#lane, { entry: () => undefined }, { at: 'recent', maxAgeMs });
    const { head } = tail;
    await tail.close();
    return head;
  }

  #anchorBefore(after: number): Anchor | undefined {
    let best: Anchor | undefined;
    for (const anchor of this.#anchors) {
      if (anchor.offset <= after && anchor.offset > (best?.offset ?? -1)) best = anchor;
    }
    return best !== undefined && after - best.offset <= this.#readers.limits.maxSkip ? best : undefined;
  }

  #keep(epoch: string, stretch: Stretch): void {
    if (epoch !== this.#epoch) return stretch.ring.close();
    this.#stretches.push(stretch);
    if (this.#stretches.length > maxStretches) this.#drop(this.#stretches[0]);
    setTimeout(() => this.#drop(stretch), this.#readers.limits.maxAgeMs).unref();
    const { position, through: offset } = stretch;
    if (position === '') return;
    this.#anchors.push({ offset, position });
    if (this.#anchors.length > maxAnchors) this.#anchors.shift();
  }

  #drop(stretch: Stretch | undefined): void {
    stretch?.ring.close();
    this.#stretches = this.#stretches.filter((one) => one !== stretch);
  }

  #forget(epoch: string): void {
    this.#epoch = epoch;
    for (const { ring } of this.#stretches) ring.close();
    this.#stretches = [];
    this.#anchors = [];
  }
}
