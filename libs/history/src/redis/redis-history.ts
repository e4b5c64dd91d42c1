import { withDeadline } from '@pharos/lifecycle';
import { type RedisClient, type RedisReply, type ScriptCall, storeFailure } from '@pharos/redis';
import { checkBatch, checkFloor, checkQuery, checkQuestion } from '../checks.ts';
import { HistoryError } from '../errors.ts';
import { oldestTimeMs } from '../limits.ts';
import { encodeNamespaces } from '../namespaces.ts';
import type {
  Batch,
  Clock,
  HistoryPage,
  HistoryQuery,
  HistoryStore,
  LaneId,
  LaneState,
  Question,
  Recovery,
  StoredLane,
  WriteOutcome,
} from '../port.ts';
import { appendCall } from './batch-call.ts';
import { checkPrefix, laneKeys, type LaneKeys } from './keys.ts';
import { RecoveryQueue } from './recovery-queue.ts';
import { type Answer, readAnswers, readPage, readState, readStored, readWrite } from './replies.ts';
import { pageScript, rebuildScript, recoverScript, tidyScript } from './scripts.ts';

export interface RedisHistoryOptions {
  /** Begins every key. @default 'pharos' */
  readonly keyPrefix?: string;
  /** How long one call may take, in milliseconds, where it says nothing else. @default 5000 */
  readonly deadlineMs?: number;
  /** Recovery scripts under way at once, over all lanes. @default 8 */
  readonly maxConcurrentScripts?: number;
  /** Questions that wait for an answer: above it `queue-full`. @default 100000 */
  readonly maxWaitingQuestions?: number;
  /** Questions in one script: Redis serves nobody else meanwhile. @default 256 */
  readonly maxQuestionsPerScript?: number;
  /** Bytes of data after which a script answers no further question, and a page ends. @default 4194304 */
  readonly maxReplyBytes?: number;
  /** An idle lane is forgotten after so many milliseconds without append or tidy. @default 7776000000, 90 days */
  readonly idleLaneTtlMs?: number;
  /** Injected in tests. @default Date.now */
  readonly now?: Clock;
}

/** How many channels one run of the tidy script forgets: Redis serves nobody else meanwhile. */
const forgottenPerScript = 500;

const dayMs = 86_400_000;

/** The history store in Redis Streams. Its client is the owner's, who closes it afterwards. */
export class RedisHistory implements HistoryStore {
  readonly kind = 'redis';
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly #deadlineMs: number;
  readonly #maxReplyBytes: number;
  readonly #idleLaneTtlMs: number;
  readonly #now: Clock;
  readonly #recoveries: RecoveryQueue;
  #closed = false;

  /** @throws HistoryError `invalid` */
  constructor(client: RedisClient, options: RedisHistoryOptions = {}) {
    this.#client = client;
    this.#prefix = options.keyPrefix ?? 'pharos';
    checkPrefix(this.#prefix);
    this.#deadlineMs = positive('deadlineMs', options.deadlineMs ?? 5_000);
    this.#maxReplyBytes = positive('maxReplyBytes', options.maxReplyBytes ?? 4 * 1024 * 1024);
    this.#idleLaneTtlMs = positive('idleLaneTtlMs', options.idleLaneTtlMs ?? 90 * dayMs);
    this.#now = options.now ?? Date.now;
    const limits = {
      maxConcurrent: positive('maxConcurrentScripts', options.maxConcurrentScripts ?? 8),
      maxWaiting: positive('maxWaitingQuestions', options.maxWaitingQuestions ?? 100_000),
      maxPerScript: positive('maxQuestionsPerScript', options.maxQuestionsPerScript ?? 256),
    };
    this.#recoveries = new RecoveryQueue((lane, questions) => this.#ask(lane, questions), limits, this.#now);
  }

  async state(lane: LaneId): Promise<StoredLane | undefined> {
    const { lane: key } = this.#keys(lane);
    return readStored(await this.#timed(this.#client.command('HMGET', key, 'w', 'f', 'p', 'n'), 'reading a lane'));
  }

  async append(lane: LaneId, batch: Batch): Promise<WriteOutcome> {
    checkBatch(batch);
    this.#checkMetaTtl(batch);
    const call = appendCall(this.#keys(lane), batch, this.#now(), this.#idleLaneTtlMs);
    const fresh = batch.entries.filter((entry) => entry.offset > batch.previous).length;
    return readWrite(await this.#script(call, 'writing a batch'), batch.entries.length - fresh);
  }

  async rebuild(
    lane: LaneId,
    floor: number,
    previous: number | undefined,
    namespaces?: readonly string[],
  ): Promise<WriteOutcome> {
    checkFloor(floor, previous);
    const args = [previous ?? '', floor, this.#idleLaneTtlMs, lane.epoch, lane.log, encodeNamespaces(namespaces)];
    const call = { script: rebuildScript, keys: laneOnly(this.#keys(lane)), args };
    return readWrite(await this.#script(call, 'beginning a lane anew'), 0);
  }

  async tidy(lane: LaneId): Promise<LaneState | undefined> {
    for (;;) {
      const args = [this.#now(), this.#idleLaneTtlMs, forgottenPerScript];
      const reply = await this.#script(
        { script: tidyScript, keys: laneOnly(this.#keys(lane)), args },
        'tidying a lane',
      );
      const state = readState(reply);
      if (state === undefined || state.forgotten < forgottenPerScript) return laneState(reply);
    }
  }

  async recoverMany(lane: LaneId, questions: readonly Question[], deadlineMs?: number): Promise<Recovery[]> {
    this.#assertOpen();
    questions.forEach(checkQuestion);
    return this.#recoveries.recover(lane, questions, deadlineMs ?? this.#deadlineMs);
  }

  async history(lane: LaneId, channel: string, query: HistoryQuery): Promise<HistoryPage | undefined> {
    checkQuery(query);
    const keys = this.#keys(lane);
    const { limit, since, reverse, limits } = query;
    const oldest = oldestTimeMs(limits, this.#now());
    const position = [since ?? '', reverse === true ? 1 : 0, limit ?? -1];
    const call = {
      script: pageScript,
      keys: [keys.lane, keys.channels, keys.stream(channel)],
      args: [channel, limits.size, oldest, ...position, this.#maxReplyBytes],
    };
    return readPage(await this.#script(call, 'reading a page of history'), query.namespace);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#recoveries.close();
    return Promise.resolve();
  }

  /** A question's deadline is its own; the script is awaited to its end, so that their number stays bounded. */
  async #ask(lane: LaneId, questions: readonly Question[]): Promise<readonly Answer[] | undefined> {
    const keys = this.#keys(lane);
    const streams = questions.map(({ channel }) => keys.stream(channel));
    const args = questions.flatMap(({ channel, offset, limits }) => [channel, offset, limits.size]);
    const call = {
      script: recoverScript,
      keys: [keys.lane, keys.channels, ...streams],
      args: [this.#maxReplyBytes, ...args],
    };
    try {
      return readAnswers(await this.#client.script(call), questions);
    } catch (error) {
      throw toHistoryError(error, 'reading what clients missed');
    }
  }

  #script(call: ScriptCall, what: string): Promise<RedisReply> {
    this.#assertOpen();
    return this.#timed(this.#client.script(call), what);
  }

  async #timed(reply: Promise<RedisReply>, what: string): Promise<RedisReply> {
    try {
      return await withDeadline(reply, this.#deadlineMs, what);
    } catch (error) {
      throw toHistoryError(error, what);
    }
  }

  #keys(lane: LaneId): LaneKeys {
    return laneKeys(this.#prefix, lane);
  }

  #checkMetaTtl(batch: Batch): void {
    for (const entry of batch.entries) {
      if (entry.kind === 'remove' || entry.limits.metaTtlMs < this.#idleLaneTtlMs) continue;
      const reason = `metaTtlMs is ${entry.limits.metaTtlMs}, expected less than idleLaneTtlMs, ${this.#idleLaneTtlMs}`;
      throw new HistoryError('invalid', reason);
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new HistoryError('closed', 'the history store was closed');
  }
}

function laneOnly(keys: LaneKeys): string[] {
  return [keys.lane, keys.channels, keys.forget];
}

function laneState(reply: RedisReply): LaneState | undefined {
  const state = readState(reply);
  return state === undefined ? undefined : { watermark: state.watermark, floor: state.floor };
}

function toHistoryError(error: unknown, what: string): HistoryError {
  if (error instanceof HistoryError) return error;
  const code = storeFailure(error);
  return new HistoryError(code, `${what} ${code === 'deadline' ? 'took too long' : 'failed'}`, { cause: error });
}

function positive(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new HistoryError('invalid', `${name} is ${value}, expected a whole number above 0`);
}
