import { Attachment } from '../attachment/attachment.ts';
import type { ClientCore } from '../client-core.ts';
import type { Connection } from '../connection/connection.ts';
import { brokerError, PulsarError } from '../errors.ts';
import type { MessageId } from '../message-id.ts';
import {
  type CommandSendError,
  type CommandSendReceipt,
  DEFAULT_MAX_MESSAGE_BYTES,
  producerAccessMode,
} from '../wire/index.ts';
import { Blocked } from './blocked.ts';
import { Budget, type BudgetOptions } from './budget.ts';
import { closeAtBroker } from './close-at-broker.ts';
import { type FrameContext, FrameBuilder } from './frame-builder.ts';
import { mustBeMessage, type Outgoing, standsAlone, weightOf } from './outgoing.ts';
import { withOutcome } from './outcome.ts';
import { Outcomes } from './outcomes.ts';
import { isNoDuplicate, Pending } from './pending.ts';
import type { Producer } from './producer.ts';
import type { ProducerMessage } from './producer-config.ts';
import { SequenceIds } from './sequence-ids.ts';
import type { ProducerSettings } from './settings.ts';

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
  #batch: Outgoing[] = [];
  #batchBytes = 0;
  #batchBegan = 0;
  #batchTimer: NodeJS.Timeout | NodeJS.Immediate | undefined;
  #timeoutTimer: NodeJS.Timeout | undefined;
  #name: string;
  #epoch = 0;
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
    this.#name = settings.producerName ?? '';
    this.#sequenceIds = new SequenceIds(settings.initialSequenceId);
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
      lost: () => this.#tellConnection(false),
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
    return this.#name;
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
      const outgoing: Outgoing = { message, sequenceId: -1, weight, sentAt: this.#now(), resolve };
      if (this.#budget.take(weight)) this.#accept(outgoing);
      else this.#blocked.add(weight, () => this.#accept(outgoing), reject);
    });
  }

  /** While a batch is filled, when it was begun, where its delay is short beside the timeout of a message: the clock isn't free. */
  #now(): number {
    const { batching, sendTimeoutMs } = this.#parts.settings;
    if (this.#batch.length === 0 || batching === undefined) return performance.now();
    return sendTimeoutMs > 0 && batching.maxDelayMs * 100 > sendTimeoutMs ? performance.now() : this.#batchBegan;
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
    const connection = this.#attachment.stop();
    if (connection !== undefined) await closeAtBroker(this.#core, connection, this.#producerId, this.#parts.topic);
    this.#core.remove(this);
    return null;
  }

  #accept(outgoing: Outgoing): void {
    const { message, weight } = outgoing;
    outgoing.sequenceId = this.#sequenceIds.take(message.sequenceId);
    this.#watch();
    const { batching } = this.#parts.settings;
    if (batching === undefined || standsAlone(message)) {
      this.#flushBatch();
      return this.#enqueue([outgoing]);
    }
    const maxBytes = Math.min(batching.maxBytes, this.#maxMessageBytes);
    if (this.#batch.length > 0 && this.#batchBytes + weight > maxBytes) this.#flushBatch();
    // Not the message's own time, which may be that of the batch before, or of when it began to wait for room.
    if (this.#batch.length === 0) this.#batchBegan = performance.now();
    this.#batch.push(outgoing);
    this.#batchBytes += weight;
    if (this.#batch.length >= batching.maxMessages || this.#batchBytes >= maxBytes) this.#flushBatch();
    else this.#batchTimer ??= this.#flushLater(batching.maxDelayMs);
  }

  #flushLater(delayMs: number): NodeJS.Timeout | NodeJS.Immediate {
    const flush = (): void => this.#flushBatch();
    return delayMs === 0 ? setImmediate(flush) : setTimeout(flush, delayMs);
  }

  #flushBatch(): void {
    if (this.#batchTimer !== undefined) {
      clearTimeout(this.#batchTimer as NodeJS.Timeout);
      clearImmediate(this.#batchTimer as NodeJS.Immediate);
      this.#batchTimer = undefined;
    }
    if (this.#batch.length === 0) return;
    const messages = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#enqueue(messages);
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
      producerName: this.#name,
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
    const { topic, settings } = this.#parts;
    connection.addProducer(this.#producerId, {
      receipt: (receipt) => {
        this.#receipt(receipt);
        this.#heedRefusal();
      },
      sendError: (error) => this.#sendError(error),
      writable: () => this.#pump(),
      moved: (to) => void this.#attachment.moved(to),
      detached: (error) => this.#attachment.detached(error),
    });
    const answer = await connection.request('producerSuccess', `creating a producer on ${topic}`, (requestId) => ({
      type: 'producer',
      command: {
        topic,
        producerId: this.#producerId,
        requestId,
        producerName: this.#name === '' ? undefined : this.#name,
        userProvidedProducerName: settings.producerName !== undefined,
        epoch: this.#epoch++,
        metadata: settings.properties,
        initialSubscriptionName: settings.initialSubscriptionName,
        producerAccessMode: producerAccessMode.shared,
      },
    }));
    this.#name = answer.producerName;
    const newest = answer.lastSequenceId ?? -1;
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
    const entry = this.#pending.peekWritten();
    if (entry === undefined) return;
    const { ledgerId, entryId } = receipt.messageId ?? { ledgerId: -1n, entryId: -1n };
    if (receipt.sequenceId < entry.sequenceId) {
      // Of one that was given up; else the broker has misread the oldest's id, and dropped it: receipts come in order.
      if (entryId < 0n && receipt.sequenceId > this.#givenUp) entry.damaged++;
      return;
    }
    if (receipt.sequenceId > entry.sequenceId) {
      const text = `${this.#parts.topic}: the broker acknowledged sequence id ${receipt.sequenceId}, expected ${entry.sequenceId}`;
      // A broker that lets go of the topic keeps receipts back of what it has stored. Written again, it is a duplicate then.
      return this.#attachment.restart(new PulsarError('UnknownError', text));
    }
    if (entryId < 0n && isNoDuplicate(entry, this.#parts.settings.initialSequenceId !== undefined)) {
      // Taken for a duplicate of something; that is no sign that it is there.
      const text = `${this.#parts.topic}: an entry was taken for a duplicate that can be none`;
      return this.#giveUpOldest(new PulsarError('ChecksumError', text), true);
    }
    this.#pending.take();
    const { outcomes, frame, sentAt } = entry;
    outcomes.acknowledge(ledgerId, entryId, this.#parts.partition);
    this.#pending.settled(entry, undefined);
    this.#core.metrics.published?.(outcomes.count, frame.length, performance.now() - sentAt);
    this.#budget.release(outcomes.bytes, outcomes.count);
  }

  #sendError(command: CommandSendError): void {
    const error = brokerError(command.error, command.message, `publishing to ${this.#parts.topic}`);
    if (error.code === 'TopicTerminated' || error.code === 'ProducerFenced') {
      const connection = this.#attachment.stop();
      if (connection !== undefined) this.#release(connection);
      return this.#end(error);
    }
    this.#pending.refuse(command.sequenceId, error);
    this.#heedRefusal();
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
    const oldest = this.#pending.peek()?.sentAt ?? this.#batch[0]?.sentAt ?? performance.now();
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
    this.#expireBatch(limit, new PulsarError('Timeout', text));
    this.#heedRefusal();
    if (this.#pending.size > 0 || this.#batch.length > 0) this.#watch();
  }

  /** Of the batch that is being filled: its delay may be longer than a message may take. */
  #expireBatch(limit: number, error: PulsarError): void {
    let count = 0;
    for (const { sentAt, weight } of this.#batch) {
      if (sentAt > limit) break;
      this.#batchBytes -= weight;
      count++;
    }
    if (count > 0) this.#reject(new Outcomes(this.#batch.splice(0, count)), error);
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
