import { DeadlineExceeded, Deferred, withDeadline } from '@pharos/lifecycle';
import { HistoryError } from '../errors.ts';
import { exceedsLimits } from '../limits.ts';
import type { Clock, LaneId, Question, Recovery } from '../port.ts';
import type { Answer } from './replies.ts';

/** Asks the store; fewer answers than questions mean that the rest is to be asked again, undefined that it knows no such lane. */
export type AskStore = (lane: LaneId, questions: readonly Question[]) => Promise<readonly Answer[] | undefined>;

export interface RecoveryQueueLimits {
  readonly maxConcurrent: number;
  readonly maxWaiting: number;
  readonly maxPerScript: number;
}

interface Pending {
  readonly key: string;
  readonly question: Question;
  readonly result: Deferred<Recovery>;
  /** Callers that still wait; with none left it need not be asked. */
  callers: number;
  sent: boolean;
}

interface LaneQueue {
  readonly lane: LaneId;
  readonly key: string;
  waiting: Pending[];
  busy: boolean;
}

/**
 * Gathers questions into few scripts: while one is under way for a lane, all that come for the same lane wait and make the
 * next. The same question is asked once, however many wait for its answer.
 */
export class RecoveryQueue {
  readonly #ask: AskStore;
  readonly #limits: RecoveryQueueLimits;
  readonly #now: Clock;
  readonly #lanes = new Map<string, LaneQueue>();
  /** Every question that has no answer yet, by what it asks. */
  readonly #pending = new Map<string, Pending>();
  readonly #ready: LaneQueue[] = [];
  #running = 0;
  #closed = false;

  constructor(ask: AskStore, limits: RecoveryQueueLimits, now: Clock) {
    this.#ask = ask;
    this.#limits = limits;
    this.#now = now;
  }

  /** @throws HistoryError */
  async recover(lane: LaneId, questions: readonly Question[], deadlineMs: number): Promise<Recovery[]> {
    if (this.#closed) throw closed();
    const pending: Pending[] = [];
    try {
      for (const question of questions) pending.push(this.#join(lane, question));
      const answers = Promise.all(pending.map(({ result }) => result.promise));
      return await withDeadline(answers, deadlineMs, 'reading what clients missed');
    } catch (error) {
      if (error instanceof DeadlineExceeded)
        throw new HistoryError('deadline', 'no answer of the store', { cause: error });
      throw error;
    } finally {
      for (const one of pending) this.#leave(one);
    }
  }

  close(): void {
    this.#closed = true;
    for (const { result } of this.#pending.values()) result.reject(closed());
    this.#pending.clear();
    for (const queue of this.#lanes.values()) queue.waiting = [];
    this.#lanes.clear();
    this.#ready.length = 0;
  }

  #join(lane: LaneId, question: Question): Pending {
    const laneKey = JSON.stringify([lane.log, lane.epoch, lane.lane]);
    const { channel, namespace, offset, limits } = question;
    const key = JSON.stringify([laneKey, channel, namespace, offset, limits.size, limits.ttlMs]);
    const known = this.#pending.get(key);
    if (known !== undefined) {
      known.callers++;
      return known;
    }
    if (this.#pending.size >= this.#limits.maxWaiting) {
      throw new HistoryError('queue-full', `${this.#pending.size} questions wait for the store already`);
    }
    const pending: Pending = { key, question, result: new Deferred(), callers: 1, sent: false };
    // Whoever waits takes the rejection; where nobody does any more it concerns nobody.
    pending.result.promise.catch(() => undefined);
    this.#pending.set(key, pending);
    this.#wait(laneKey, lane, pending);
    return pending;
  }

  #leave(pending: Pending): void {
    pending.callers--;
    if (pending.callers === 0 && !pending.sent) this.#forget(pending);
  }

  #wait(key: string, lane: LaneId, pending: Pending): void {
    const queue = this.#lanes.get(key) ?? { lane, key, waiting: [], busy: false };
    this.#lanes.set(key, queue);
    queue.waiting.push(pending);
    if (queue.busy) return;
    queue.busy = true;
    this.#ready.push(queue);
    // Those that come in the same turn of the event loop go together.
    queueMicrotask(() => this.#start());
  }

  #start(): void {
    while (this.#running < this.#limits.maxConcurrent) {
      const queue = this.#ready.shift();
      if (queue === undefined) return;
      this.#running++;
      void this.#run(queue);
    }
  }

  async #run(queue: LaneQueue): Promise<void> {
    const batch = this.#take(queue);
    let answered = batch.length;
    try {
      if (batch.length > 0) answered = await this.#settle(queue.lane, batch);
    } catch (error) {
      for (const { result } of batch) result.reject(error);
    }
    for (const pending of batch.slice(0, answered)) this.#forget(pending);
    const again = batch.slice(answered);
    for (const pending of again) pending.sent = false;
    queue.waiting = [...again, ...queue.waiting];
    this.#running--;
    if (queue.waiting.length > 0) this.#ready.push(queue);
    else {
      queue.busy = false;
      this.#lanes.delete(queue.key);
    }
    this.#start();
  }

  /** Those of the front that somebody still waits for. */
  #take(queue: LaneQueue): Pending[] {
    const wanted = queue.waiting.filter(({ callers }) => callers > 0);
    for (const pending of queue.waiting) if (pending.callers === 0) this.#forget(pending);
    const batch = wanted.slice(0, this.#limits.maxPerScript);
    queue.waiting = wanted.slice(batch.length);
    for (const pending of batch) pending.sent = true;
    return batch;
  }

  /** Says how many were answered. */
  async #settle(lane: LaneId, batch: readonly Pending[]): Promise<number> {
    const answers = await this.#ask(
      lane,
      batch.map(({ question }) => question),
    );
    if (answers === undefined) {
      const unknown: Recovery = { recovered: false, reason: 'no-lane', watermark: 0, floor: 0 };
      for (const { result } of batch) result.resolve(unknown);
      return batch.length;
    }
    if (answers.length === 0) throw new HistoryError('failed', 'the store answered none of the questions');
    answers.forEach((answer, index) => {
      const pending = batch[index];
      if (pending !== undefined) pending.result.resolve(judge(answer, pending.question, this.#now()));
    });
    return answers.length;
  }

  #forget(pending: Pending): void {
    if (this.#pending.get(pending.key) === pending) this.#pending.delete(pending.key);
  }
}

function judge(answer: Answer, question: Question, nowMs: number): Recovery {
  const { watermark, floor, missed } = answer;
  if (typeof missed === 'string') return { watermark, floor, recovered: false, reason: missed };
  const reason = exceedsLimits(missed, question.limits, nowMs);
  return reason === undefined
    ? { watermark, floor, recovered: true, publications: missed }
    : { watermark, floor, recovered: false, reason };
}

function closed(): HistoryError {
  return new HistoryError('closed', 'the history store was closed');
}
