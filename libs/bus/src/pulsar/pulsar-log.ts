import { javaStringHash } from '@pharos/bytes';
import { withDeadline } from '@pharos/lifecycle';
import { BusError } from '../errors.ts';
import type { PendingAppends } from '../limits.ts';
import { type AppendReceipt, type LaneTail, type Log, markerProperty } from '../port.ts';
import type {
  GroupHandler,
  GroupSpec,
  LaneGroup,
  LaneRerouter,
  NewPublication,
  TailHandler,
  TailStart,
} from '../port.ts';
import { laneRouting } from '../routing.ts';
import type { TurnScheduler } from '../turns.ts';
import { type Attached, attachLane } from './attach.ts';
import type { EntryStream, StreamStart } from './entry-stream.ts';
import { LaneAppender, type LaneProducer } from './lane-appender.ts';
import { type EntryPosition, formatPosition } from './position.ts';
import type { PulsarGroup } from './pulsar-group.ts';
import { PulsarRerouter } from './pulsar-rerouter.ts';
import { lifeEnded, PulsarTail } from './pulsar-tail.ts';

export type Warn = (detail: object, message: string) => void;

export interface PulsarLogParts {
  readonly topic: string;
  readonly lanes: number;
  readonly epoch: string;
  readonly defaultChannel: string;
  readonly limitations: readonly string[];
  readonly pending: PendingAppends;
  readonly turns: TurnScheduler;
  readonly attachTimeoutMs: number;
  readonly createProducer: (lane: number, onChange: () => void) => Promise<LaneProducer>;
  readonly openStream: (lane: number, start: StreamStart) => Promise<EntryStream>;
  readonly readEpoch: () => Promise<string | undefined>;
  readonly joinGroup: (
    spec: GroupSpec,
    handler: GroupHandler,
    onClose: (group: PulsarGroup) => void,
  ) => Promise<PulsarGroup>;
  /** The producer of `lane` for what lies in `from`. */
  readonly createReroutingProducer: (from: number, lane: number) => Promise<LaneProducer>;
  readonly warn: Warn;
  readonly onClose: (log: PulsarLog) => void;
}

// What an attach waits for the epoch: an admin API that is silent must not hold up every lane for its own timeout.
const epochTimeoutMs = 3_000;
// An attach that takes this long has waited for the broker's failover delay, whose default is a second.
const slowAttachMs = 800;

export class PulsarLog implements Log {
  readonly #parts: PulsarLogParts;
  readonly #appenders: LaneAppender[];
  readonly #tails = new Set<PulsarTail>();
  readonly #groups = new Set<PulsarGroup>();
  readonly #rerouters = new Set<PulsarRerouter>();
  #epochRead: Promise<string | undefined> | undefined;
  /** Begins when `#epochRead` is over. */
  #nextEpochRead: Promise<string | undefined> | undefined;
  #warnedOfSlowAttach = false;
  #closed = false;

  constructor(parts: PulsarLogParts) {
    this.#parts = parts;
    this.#appenders = Array.from({ length: parts.lanes }, (_value, lane) => {
      const createProducer = (onChange: () => void): Promise<LaneProducer> => parts.createProducer(lane, onChange);
      return new LaneAppender({ topic: parts.topic, lane, createProducer });
    });
  }

  get topic(): string {
    return this.#parts.topic;
  }

  get lanes(): number {
    return this.#parts.lanes;
  }

  get defaultChannel(): string {
    return this.#parts.defaultChannel;
  }

  get epoch(): string {
    return this.#parts.epoch;
  }

  get limitations(): readonly string[] {
    return this.#parts.limitations;
  }

  laneOf(channel: string): number {
    return javaStringHash(channel) % this.#parts.lanes;
  }

  async append(publication: NewPublication, deadlineMs: number): Promise<AppendReceipt> {
    this.#mustBeOpen();
    const { pending } = this.#parts;
    const bytes = pending.admit(publication);
    try {
      const lane = this.laneOf(publication.channel);
      const message = {
        key: publication.channel,
        data: Buffer.from(publication.data),
        properties: { ...publication.properties },
      };
      const { ledgerId, entryId, batchIndex } = await this.#appender(lane).append(message, deadlineMs);
      return { lane, position: formatPosition(ledgerId, entryId, batchIndex) };
    } finally {
      pending.release(bytes);
    }
  }

  async attach(lane: number, handler: TailHandler, start: TailStart = { at: 'head' }): Promise<LaneTail> {
    this.#mustBeOpen();
    const { topic, openStream, attachTimeoutMs } = this.#parts;
    const appender = this.#appender(lane);
    const beganAt = performance.now();
    const deadlineAt = beganAt + attachTimeoutMs;
    const open = (from: StreamStart): Promise<EntryStream> => openStream(lane, from);
    const marker = { data: Buffer.alloc(0), properties: { [markerProperty]: 'attach' } };
    const appendMarker = (): Promise<EntryPosition> => appender.append(marker, deadlineAt - performance.now());
    const attached = await attachLane({ topic, open, appendMarker, deadlineAt }, start);
    try {
      await this.#mustBeOfThisLife();
      this.#mustBeOpen();
    } catch (error) {
      await attached.stream.close();
      throw error;
    }
    this.#sayIfSlow(lane, performance.now() - beganAt);
    return this.#follow(lane, handler, attached);
  }

  async joinGroup(spec: GroupSpec, handler: GroupHandler): Promise<LaneGroup> {
    this.#mustBeOpen();
    const group = await this.#parts.joinGroup(spec, handler, (closed) => this.#groups.delete(closed));
    this.#groups.add(group);
    try {
      await this.#mustBeOfThisLife();
      this.#mustBeOpen();
    } catch (error) {
      await group.close();
      throw error;
    }
    return group;
  }

  rerouter(lane: number): LaneRerouter {
    this.#mustBeOpen();
    const rerouter = new PulsarRerouter({
      topic: this.topic,
      laneOf: (channel) => this.laneOf(channel),
      createProducer: (target) => this.#parts.createReroutingProducer(lane, target),
      onClose: (closed) => this.#rerouters.delete(closed),
    });
    this.#rerouters.add(rerouter);
    return rerouter;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#groups].map((group) => group.close()));
    await Promise.all([...this.#rerouters].map((rerouter) => rerouter.close()));
    await Promise.all([...this.#tails].map((tail) => tail.close()));
    await Promise.all(this.#appenders.map((appender) => appender.close()));
    this.#parts.onClose(this);
  }

  #follow(lane: number, handler: TailHandler, attached: Attached): PulsarTail {
    const { topic, lanes, epoch, defaultChannel, turns, openStream, warn } = this.#parts;
    const tail = new PulsarTail({
      topic,
      epoch,
      context: {
        routing: laneRouting(lane, lanes, defaultChannel),
        onUnreadable: (position, error) => {
          warn(
            { err: error, topic, lane, position },
            'an entry of the log can not be read; what is left of it is skipped',
          );
        },
      },
      handler,
      turns,
      attached,
      open: (start) => openStream(lane, start),
      readEpoch: () => this.#readEpoch(),
      warn,
      onClose: (closed) => this.#tails.delete(closed),
    });
    this.#tails.add(tail);
    return tail;
  }

  /**
   * Nobody tells a log without tails that its topic was made anew: its lanes would be followed with offsets of another life.
   * To be asked once the stream is open, which doesn't outlive its topic.
   *
   * @throws BusError `log-ended`
   */
  async #mustBeOfThisLife(): Promise<void> {
    const { topic, epoch, warn } = this.#parts;
    if (epoch === '') return;
    let read: string | undefined;
    try {
      read = await withDeadline(this.#readEpoch(), epochTimeoutMs, `reading the epoch of '${topic}'`);
    } catch (error) {
      // As a tail does that resumes: an admin API that is away for a moment is no reason to be deaf.
      warn({ err: error, topic }, 'the epoch of a log could not be read');
      return;
    }
    if (read !== epoch) throw new BusError('log-ended', lifeEnded(topic, epoch, read));
  }

  /** Every lane asks at once after an outage; one call answers all that asked before it began. */
  #readEpoch(): Promise<string | undefined> {
    this.#nextEpochRead ??= Promise.resolve(this.#epochRead?.catch(() => undefined)).then(() => {
      const read = this.#parts.readEpoch();
      this.#epochRead = read;
      this.#nextEpochRead = undefined;
      return read;
    });
    return this.#nextEpochRead;
  }

  #sayIfSlow(lane: number, tookMs: number): void {
    if (tookMs < slowAttachMs || this.#warnedOfSlowAttach) return;
    this.#warnedOfSlowAttach = true;
    this.#parts.warn(
      { topic: this.topic, lane, tookMs: Math.round(tookMs) },
      'attaching to a lane took long; activeConsumerFailoverDelayTimeMillis of the broker may not be 0',
    );
  }

  #appender(lane: number): LaneAppender {
    const appender = this.#appenders[lane];
    if (appender === undefined) {
      throw new RangeError(`'${this.topic}' has no lane ${lane}, its lanes are 0 to ${this.lanes - 1}`);
    }
    return appender;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new BusError('closed', `the log '${this.topic}' was closed`);
  }
}
