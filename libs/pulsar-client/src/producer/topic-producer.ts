import { Attachment } from '../attachment/attachment.ts';
import type { ClientCore } from '../client-core.ts';
import type { Connection } from '../connection/connection.ts';
import { brokerError, PulsarError } from '../errors.ts';
import type { MessageId, MessageIdParts } from '../message-id.ts';
import { type CommandSendError, type CommandSendReceipt, DEFAULT_MAX_MESSAGE_BYTES } from '../wire/index.ts';
import { Blocked } from './blocked.ts';
import { Budget, type BudgetOptions } from './budget.ts';
import { closeAtBroker } from './close-at-broker.ts';
import { Doubts } from './doubts.ts';
import { Filling } from './filling.ts';
import { type FrameContext, FrameBuilder } from './frame-builder.ts';
import { mustBeMessage, type Outgoing, standsAlone, weightOf } from './outgoing.ts';
import { withOutcome } from './outcome.ts';
import { Outcomes } from './outcomes.ts';
import { isNoDuplicate, Pending, type PendingEntry } from './pending.ts';
import type { Producer } from './producer.ts';
import type { ProducerMessage } from './producer-config.ts';
import { Registration } from './registration.ts';
import { SequenceIds } from './sequence-ids.ts';
import type { ProducerSettings } from './settings.ts';

/** What a broker says of an entry that it takes for a duplicate. */
const nowhere: MessageIdParts = { ledgerId: -1n, entryId: -1n };

export interface TopicProducerParts {
  /** Full name, plain or a partition. */
  readonly topic: string;
  /** −1: not a partition. */
  readonly partition: number;
  readonly settings: ProducerSettings;
  readonly room: BudgetOptions;
}

/**
 * Publishes to one topic or partition. Messages become entries, alone or in batches; entries are written in order, and
 * written again, byte for byte, after each loss of the connection until the broker has said what became of them.
 */
export class TopicProducer implements Producer {
  readonly #core: ClientCore;
  readonly #parts: TopicProducerParts;
  readonly #producerId: number;
  readonly #attachment: Attachment;
  readonly #budget: Budget;
  readonly #blocked: Blocked;
  readonly #frames = new FrameBuilder();
  readonly #pending = new Pending();
  readonly #sequenceIds: SequenceIds;
  readonly #filling: Filling;
  #timeoutTimer: NodeJS.Timeout | undefined;
  readonly #registration: Registration;
  readonly #doubts: Doubts;
  /** The newest sequence id that has a receipt. */
  #acknowledged = -1;
  /** The newest sequence id that was given up: its receipt may come yet. */
  #givenUp = -1;
  #maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES;
  /** Why nothing can be sent any more. */
  #ended: PulsarError | undefined;
  #closing: Promise<null> | undefined;

  constructor(core: ClientCore, parts: TopicProducerParts) {
    const { settings, topic } = parts;
    this.#core = core;
    this.#parts = parts;
    this.#producerId = core.newProducerId();
    this.#registration = new Registration({ topic, producerId: this.#producerId, settings });
    this.#doubts = new Doubts(core, {
      topic,
      partition: parts.partition,
      producerName: () => this.#registration.name,
      oldest: () => this.#pending.peek(),
      replay: (receipt) => {
        this.#receipt(receipt);
        this.#heedRefusal();
      },
    });
    this.#sequenceIds = new SequenceIds(settings.initialSequenceId);
    this.#filling = new Filling(settings, () => this.#flushBatch());
    this.#budget = new Budget(parts.room);
    this.#blocked = new Blocked(this.#budget, settings.sendTimeoutMs, topic);
    this.#attachment = new Attachment(core, {
      kind: 'producer',
      name:
        settings.producerName === undefined
          ? `producer of ${topic}`
          : `producer '${settings.producerName}' of ${topic}`,
      topic,
      attach: (connection) => this.#attach(connection),
      release: (connection) => this.#release(connection),
      attached: (connection) => this.#attached(connection),
      lost: () => {
        // What the broker has heard may be something else than was said, unless TLS was between.
        if (!core.secure) this.#pending.suspect();
        this.#doubts.forget();
        this.#tellConnection(false);
      },
      refused: (error) => {
        // The quota's policy is to tell; its other policy, to hold messages back, has an error of its own.
        if (error.code === 'ProducerBlockedQuotaExceededException') this.#failPending(error);
      },
      failed: (error) => this.#end(error),
    });
  }

  /** @throws PulsarError */
  async start(): Promise<void> {
    try {
      await this.#attachment.start();
    } catch (error) {
      this.#ended = this.#closedError();
      throw error;
    }
  }

  getProducerName(): string {
    return this.#registration.name;
  }

  getTopic(): string {
    return this.#parts.topic;
  }

  isConnected(): boolean {
    return this.#attachment.connection !== undefined;
  }

  getFailure(): PulsarError | undefined {
    return this.#ended;
  }

  send(message: ProducerMessage): Promise<MessageId> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw this.#ended;
      mustBeMessage(message);
      const weight = weightOf(message);
      const outgoing: Outgoing = { message, sequenceId: -1, weight, sentAt: this.#filling.now(), resolve };
      if (this.#budget.take(weight)) this.#accept(outgoing);
      else this.#blocked.add(weight, () => this.#accept(outgoing), reject);
    });
  }

  flush(): Promise<null> {
    this.#flushBatch();
    return this.#pending.flush();
  }

  close(): Promise<null> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<null> {
    if (this.#ended !== undefined) return null;
    this.#ended = this.#closedError();
    this.#blocked.fail(this.#ended);
    const { sendTimeoutMs } = this.#parts.settings;
    const giveUp = (): void => this.#failPending(this.#closedError());
    // Where messages have no end, closing has one.
    const end = sendTimeoutMs > 0 ? undefined : setTimeout(giveUp, this.#core.operationTimeoutMs);
    const listening = this.#core.onGivingUp(giveUp);
    // Whoever sent what fails now is told by its own promise.
    await this.flush().catch(() => undefined);
    listening.stop();
    clearTimeout(end);
    clearTimeout(this.#timeoutTimer);
    this.#doubts.end();
    const connection = this.#attachment.stop();
    if (connection !== undefined) await closeAtBroker(this.#core, connection, this.#producerId, this.#parts.topic);
    this.#core.remove(this);
    return null;
  }

  #accept(outgoing: Outgoing): void {
    const { message } = outgoing;
    outgoing.sequenceId = this.#sequenceIds.take(message.sequenceId);
    this.#watch();
    const { batching } = this.#parts.settings;
    if (batching === undefined || standsAlone(message)) {
      this.#flushBatch();
      return this.#enqueue([outgoing]);
    }
    this.#filling.add(outgoing, batching, this.#maxMessageBytes);
  }

  #flushBatch(): void {
    const messages = this.#filling.take();
    if (messages.length > 0) this.#enqueue(messages);
  }

  #enqueue(messages: readonly Outgoing[]): void {
    const keyed = this.#parts.settings.batching?.keyBased === true;
    const { entries, refused } = this.#frames.entries(this.#frameContext(), messages, keyed);
    for (const entry of entries) this.#pending.add(entry);
    this.#pump();
    // Last: the room that they leave may be taken at once, by messages that come after all of these.
    for (const { outcomes, error } of refused) this.#reject(outcomes, error);
  }

  #frameContext(): FrameContext {
    return {
      producerId: this.#producerId,
      producerName: this.#registration.name,
      compression: this.#parts.settings.compression,
      maxMessageBytes: this.#maxMessageBytes,
    };
  }

  #pump(): void {
    const { connection } = this.#attachment;
    for (;;) {
      if (connection?.writable !== true) return;
      const entry = this.#pending.nextToWrite();
      if (entry === undefined) return;
      connection.write(entry.frame);
    }
  }

  async #attach(connection: Connection): Promise<void> {
    connection.addProducer(this.#producerId, {
      receipt: (receipt) => {
        this.#receipt(receipt);
        this.#heedRefusal();
      },
      sendError: (error) => this.#sendError(error),
      writable: () => this.#pump(),
      moved: (to) => {
        if (to.to === 'cluster') this.#doubts.elsewhere();
        this.#attachment.moved(to);
      },
      detached: (error) => this.#attachment.detached(error),
    });
    const newest = await this.#registration.ask(connection, this.#acknowledged, this.#sequenceIds.unused);
    if (this.#sequenceIds.adopt(newest)) this.#pending.doubt();
    if (newest >= 0) this.#pending.notSeenAfter(newest);
  }

  #attached(connection: Connection): void {
    this.#maxMessageBytes = connection.maxMessageBytes;
    this.#pending.rewind();
    this.#pump();
    this.#tellConnection(true);
  }

  #receipt(receipt: CommandSendReceipt): void {
    if (this.#doubts.holding) return this.#doubts.hold(receipt);
    const entry = this.#pending.peekWritten();
    if (entry === undefined) return;
    const place = receipt.messageId ?? nowhere;
    const isDuplicate = place.entryId < 0n || place.ledgerId < 0n;
    if (receipt.sequenceId < entry.sequenceId) {
      // Of one that was given up; else the broker has misread the oldest's id, and dropped it: receipts come in order.
      if (isDuplicate && receipt.sequenceId > this.#givenUp) entry.damaged++;
      return;
    }
    if (receipt.sequenceId > entry.sequenceId) {
      // A broker that lets go of the topic keeps receipts back of what it has stored. Written again, it is a duplicate then.
      return this.#contradicted(`acknowledged sequence id ${receipt.sequenceId}, expected ${entry.sequenceId}`);
    }
    const stored = isDuplicate ? this.#placeOfDuplicate(entry, receipt) : place;
    if (stored === undefined) return;
    if (!isDuplicate) this.#doubts.acknowledged(place, entry.sentAt);
    if (entry.lastSequenceId > this.#acknowledged) this.#acknowledged = entry.lastSequenceId;
    this.#pending.take();
    const { outcomes, frame, sentAt } = entry;
    outcomes.acknowledge(stored.ledgerId, stored.entryId, this.#parts.partition);
    this.#pending.settled(entry, undefined);
    this.#core.metrics.published?.(outcomes.count, frame.length, performance.now() - sentAt);
    this.#budget.release(outcomes.bytes, outcomes.count);
  }

  /** Where the oldest lies, which the broker calls a duplicate; `undefined`: that is being looked into, or it was given up. */
  #placeOfDuplicate(entry: PendingEntry, receipt: CommandSendReceipt): MessageIdParts | undefined {
    const chosen = this.#parts.settings.initialSequenceId !== undefined;
    const isNone = isNoDuplicate(entry, chosen);
    if (!isNone && (!entry.doubtful || entry.ownSequenceId || chosen)) return nowhere;
    const found = this.#doubts.placeOf(entry.sequenceId);
    if (found === undefined) {
      this.#doubts.lookInto(receipt);
      return undefined;
    }
    if (found !== 'missing' && found !== 'untold') return found;
    // Mostly it is one.
    if (found === 'untold' && !isNone) return nowhere;
    // Taken for a duplicate of something; that is no sign that it is there.
    const text = `${this.#parts.topic}: an entry was taken for a duplicate that can be none`;
    this.#giveUpOldest(new PulsarError('ChecksumError', text), true);
    return undefined;
  }

  /** The broker says what can't be: of what is on its way, some may have arrived as something else. */
  #contradicted(what: string): void {
    this.#attachment.restart(new PulsarError('UnknownError', `${this.#parts.topic}: the broker ${what}`));
  }

  #sendError(command: CommandSendError): void {
    const error = brokerError(command.error, command.message, `publishing to ${this.#parts.topic}`);
    if (error.code === 'TopicTerminated' || error.code === 'ProducerFenced') {
      const connection = this.#attachment.stop();
      if (connection !== undefined) this.#release(connection);
      return this.#end(error);
    }
    const known = this.#pending.refuse(command.sequenceId, error);
    if (known || command.sequenceId <= Math.max(this.#acknowledged, this.#givenUp)) return this.#heedRefusal();
    this.#contradicted(`refused sequence id ${command.sequenceId}, which is not on its way`);
  }

  #heedRefusal(): void {
    for (let refused = this.#pending.takeRefused(); refused !== undefined; refused = this.#pending.takeRefused()) {
      // Written again in order, by a new registration.
      if (!refused.hopeless) return this.#attachment.restart(refused.error);
      this.#giveUpOldest(refused.error, refused.outcomeUnknown);
    }
  }

  /** Has the send timeout kept, by one timer for the oldest. */
  #watch(): void {
    const { sendTimeoutMs } = this.#parts.settings;
    if (sendTimeoutMs === 0 || this.#timeoutTimer !== undefined) return;
    const oldest = this.#pending.peek()?.sentAt ?? this.#filling.oldest?.sentAt ?? performance.now();
    const inMs = Math.max(1, oldest + sendTimeoutMs - performance.now());
    this.#timeoutTimer = setTimeout(() => this.#expire(sendTimeoutMs), inMs);
  }

  #expire(sendTimeoutMs: number): void {
    this.#timeoutTimer = undefined;
    // A timer may fire a little early.
    const limit = performance.now() - sendTimeoutMs + 1;
    const text = `${this.#parts.topic} did not acknowledge the message within ${sendTimeoutMs} ms`;
    for (
      let oldest = this.#pending.peek();
      oldest !== undefined && oldest.sentAt <= limit;
      oldest = this.#pending.peek()
    ) {
      this.#giveUpOldest(new PulsarError('Timeout', text), oldest.writes > 0);
    }
    const late = this.#filling.expire(limit);
    if (late.length > 0) this.#reject(new Outcomes(late), new PulsarError('Timeout', text));
    this.#heedRefusal();
    if (this.#pending.size > 0 || this.#filling.size > 0) this.#watch();
  }

  #giveUpOldest(error: PulsarError, outcomeUnknown: boolean): void {
    const told = withOutcome(error, outcomeUnknown);
    const entry = this.#pending.take();
    if (entry === undefined) return;
    this.#givenUp = Math.max(this.#givenUp, entry.sequenceId);
    this.#reject(entry.outcomes, told);
    this.#pending.settled(entry, told);
  }

  #reject(outcomes: Outcomes, error: PulsarError): void {
    this.#core.metrics.publishFailed?.(outcomes.count);
    outcomes.fail(error);
    this.#budget.release(outcomes.bytes, outcomes.count);
  }

  #failPending(error: PulsarError): void {
    this.#flushBatch();
    for (let entry = this.#pending.peek(); entry !== undefined; entry = this.#pending.peek()) {
      this.#giveUpOldest(error, entry.writes > 0);
    }
  }

  #end(error: PulsarError): void {
    this.#ended ??= error;
    this.#doubts.end();
    clearTimeout(this.#timeoutTimer);
    this.#blocked.fail(error);
    this.#failPending(error);
    this.#tellConnection(false);
    this.#core.remove(this);
  }

  #tellConnection(connected: boolean): void {
    const { connectionListener } = this.#parts.settings;
    if (connectionListener !== undefined)
      this.#core.callOut(() => connectionListener(connected, Math.max(0, this.#parts.partition)));
  }

  #release(connection: Connection): void {
    void closeAtBroker(this.#core, connection, this.#producerId, this.#parts.topic);
  }

  #closedError(): PulsarError {
    return new PulsarError('AlreadyClosed', `the producer of ${this.#parts.topic} was closed`);
  }
}
