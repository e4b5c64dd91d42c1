import { Deferred } from '@pharos/lifecycle';
import { Attachment } from '../attachment/attachment.ts';
import type { ClientCore } from '../client-core.ts';
import type { Connection } from '../connection/connection.ts';
import type { Move } from '../connection/move.ts';
import { PulsarError } from '../errors.ts';
import { Fifo } from '../fifo.ts';
import { MessageId, type MessageIdParts } from '../message-id.ts';
import { ackType, type CommandMessage, type MessageIdData } from '../wire/index.ts';
import { AckQueue, type AckTarget, maxIdsPerCommand, plainAcks } from './ack-queue.ts';
import { permitsOf } from './ack-set.ts';
import { askLast, askSeek, type ConsumerAtBroker } from './consumer-requests.ts';
import { DamagedReads, maxDamagedReads } from './damaged-reads.ts';
import { acknowledgesDrained, DrainedAcks } from './drained-acks.ts';
import type { Entry } from './entry-consumer.ts';
import { Flow } from './flow.ts';
import { Held } from './held.ts';
import { damagedEntry, readEntry } from './read-entry.ts';
import { Regrant } from './regrant.ts';
import { SecondLook } from './second-look.ts';
import { SubscribeCommand } from './subscribe-command.ts';
import type { TopicEntriesParts } from './topic-entries-parts.ts';

/**
 * The entries of one subscription to one topic or partition: attaches and attaches again, asks for as much as fits,
 * and goes on where it was. Everything that receives stands on it.
 */
export class TopicEntries {
  readonly parts: TopicEntriesParts;
  readonly acks: AckQueue;
  /** While it is set to another place. */
  readonly held: Held;
  readonly #core: ClientCore;
  readonly #attachment: Attachment;
  readonly #queue = new Fifo<Entry>();
  readonly #flow: Flow;
  readonly #regrant: Regrant;
  /** What isn't persistent has no positions, and comes once or never. */
  readonly #persistent: boolean;
  /** Of a subscription that lives with its consumer, and of a topic where nothing is missed by it. */
  readonly #look: SecondLook | undefined;
  readonly #drained: DrainedAcks | undefined;
  readonly #command: SubscribeCommand;
  #consumerId = -1;
  #session = 0;
  /** Of a subscription that keeps order: grows with each redelivery of all; what was sent before it is void. */
  #epoch = 0;
  #closed = false;
  #progress: Deferred | undefined;
  readonly #damaged = new DamagedReads();

  constructor(core: ClientCore, parts: TopicEntriesParts) {
    this.#core = core;
    this.parts = parts;
    this.#persistent = parts.topic.startsWith('persistent:');
    this.#flow = new Flow(parts.window, parts.pool);
    this.#regrant = new Regrant(this.#flow, () => this.#grant());
    const again = new PulsarError('NotConnected', 'subscribing once more after a move');
    this.#command = new SubscribeCommand(parts);
    if (acknowledgesDrained(parts)) this.#drained = new DrainedAcks((upTo) => this.#acknowledgeDrained(upTo));
    if (parts.start !== undefined && this.#persistent)
      this.#look = new SecondLook(() => this.#attachment.restart(again));
    const name = `consumer of '${parts.subscription}' on ${parts.topic}`;
    this.acks = new AckQueue(parts.acks ?? plainAcks, name, () => this.#ackTarget());
    this.held = new Held(
      () => this.acks.flush(),
      () => this.#goOn(),
    );
    this.#attachment = new Attachment(core, {
      kind: 'consumer',
      name,
      topic: parts.topic,
      attach: (connection) => this.#attach(connection),
      release: (connection) => this.#release(connection),
      attached: (connection) => this.#attached(connection),
      lost: (error) => this.#lost(error),
      failed: (error) => this.#end(error),
    });
  }

  get session(): number {
    return this.#session;
  }

  get connected(): boolean {
    return this.#attachment.connection !== undefined;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get queuedEntries(): number {
    return this.#queue.size;
  }

  get queuedBytes(): number {
    return this.#flow.queuedBytes;
  }

  /** @throws PulsarError */
  start(): Promise<void> {
    return this.#attachment.start();
  }

  take(): Entry | undefined {
    const entry = this.#queue.shift();
    if (entry === undefined) return undefined;
    this.#flow.taken(permitsOf(entry), entry.payload.length);
    this.#grant();
    return entry;
  }

  /** Of a Shared subscription: has these come again. */
  redeliver(messageIds: readonly MessageIdData[]): void {
    // What is acknowledged is not to come again.
    this.acks.flush();
    for (let start = 0; start < messageIds.length; start += maxIdsPerCommand) {
      const command = { consumerId: this.#consumerId, messageIds: messageIds.slice(start, start + maxIdsPerCommand) };
      this.#attachment.connection?.send({ type: 'redeliverUnacknowledgedMessages', command });
    }
  }

  /** Where order is kept: has all that is unacknowledged come again, in order. */
  redeliverAll(): void {
    const { connection } = this.#attachment;
    // Without a connection it all comes again anyway.
    if (connection === undefined) return;
    this.acks.flush();
    this.#epoch++;
    this.#clear();
    const command = { consumerId: this.#consumerId, consumerEpoch: this.#epoch };
    connection.send({ type: 'redeliverUnacknowledgedMessages', command });
    this.#grant();
  }

  /** @throws PulsarError `NotConnected`, `Timeout`, `AlreadyClosed`, … */
  async lastMessageId(): Promise<MessageId> {
    return (await this.ends()).newest;
  }

  /** The topic's newest message, and up to where the broker delivers nothing to this subscription any more. @throws PulsarError */
  async ends(): Promise<{ readonly newest: MessageId; readonly done: MessageIdData | undefined }> {
    const { lastMessageId, consumerMarkDeletePosition } = await askLast(this.#atBroker(this.#connectionNow()));
    return {
      newest: MessageId.of({ ...lastMessageId, partition: this.parts.partition }),
      done: consumerMarkDeletePosition,
    };
  }

  /** Resolves at the next entry that comes, wanted or not, and when it is attached anew or over. */
  progress(): Promise<void> {
    this.#progress ??= new Deferred();
    return this.#progress.promise;
  }

  /**
   * Sets the subscription to an entry, or to a time; what is queued is dropped. Resolves when attached there; where there is
   * no connection, waits for one. To be called while it is held. @throws PulsarError `Timeout`, or why the broker refuses
   */
  async seek(
    to: { readonly id: MessageIdParts; readonly inclusive: boolean } | { readonly timeMs: number },
  ): Promise<void> {
    const { start, topic } = this.parts;
    if ('id' in to && start !== undefined) start.seek(to.id, to.inclusive);
    else {
      const isAttached = (one: ConsumerAtBroker): boolean => this.connected && one.consumerId === this.#consumerId;
      const durable = start === undefined;
      await askSeek(this.#core, to, { topic, attached: () => this.#attachedToSeek(), isAttached, durable });
    }
    if ('timeMs' in to) start?.seekTime(to.timeMs);
    this.#clear();
    // The broker lets go of the consumer before it answers; who attaches anew after that begins at the new place. Where it is
    // this side that says where to begin, it may just be saying the old place.
    if (start !== undefined || this.#attachment.connection !== undefined)
      this.#attachment.restart(new PulsarError('NotConnected', 'seeking'));
    await this.#attachment.whenAttached();
  }

  /** @throws PulsarError */
  async unsubscribe(): Promise<void> {
    const connection = this.#connectionNow();
    const consumerId = this.#consumerId;
    const what = `unsubscribing '${this.parts.subscription}' from ${this.parts.topic}`;
    await connection.request('success', what, (requestId) => ({
      type: 'unsubscribe',
      command: { consumerId, requestId },
    }));
  }

  /** Sends the acknowledgements that wait, and ends it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.acks.flush();
    if (this.acks.asking) await this.acks.asked();
    const connection = this.#attachment.stop();
    const consumerId = this.#consumerId;
    this.#end(undefined);
    if (connection === undefined || connection.closed) return;
    try {
      const what = `closing the consumer of '${this.parts.subscription}' on ${this.parts.topic}`;
      await connection.request('success', what, (requestId) => ({
        type: 'closeConsumer',
        command: { consumerId, requestId },
      }));
    } catch (error) {
      // The broker forgets it with the connection at the latest.
      this.#core.logger.debug({ err: error }, 'a consumer was not closed cleanly');
    } finally {
      connection.removeConsumer(consumerId);
    }
  }

  closedError(): PulsarError {
    const { subscription, topic } = this.parts;
    return new PulsarError('AlreadyClosed', `the consumer of '${subscription}' on ${topic} was closed`);
  }

  async #attach(connection: Connection): Promise<void> {
    await this.#subscribe(connection);
    const { start } = this.parts;
    if (start?.isLatest !== true || !this.#persistent) return;
    // "Latest" is made a position, or what is published while the connection is lost would be missed.
    start.resolveLatest((await askLast(this.#atBroker(connection))).lastMessageId);
    if (!start.isInclusive) return;
    await this.#unregister(connection);
    await this.#subscribe(connection);
  }

  async #subscribe(connection: Connection): Promise<void> {
    const { topic, subscription } = this.parts;
    const consumerId = this.#core.newConsumerId();
    const consumerEpoch = this.#epoch;
    this.#consumerId = consumerId;
    connection.addConsumer(consumerId, {
      message: (message, bytes) => this.#message(connection, message, bytes),
      activeChanged: (active) => this.parts.event({ type: 'active', active }),
      endOfTopic: () => this.parts.event({ type: 'terminated' }),
      moved: (to) => this.#moved(to),
      detached: (error) => this.#attachment.detached(error),
    });
    await connection.request('success', `subscribing '${subscription}' to ${topic}`, (requestId) => ({
      type: 'subscribe',
      command: this.#command.build({ consumerId, requestId, consumerEpoch }),
    }));
  }

  #attached(connection: Connection): void {
    this.#session++;
    this.#progressed();
    this.#flow.restart();
    // A durable subscription delivers again what wasn't acknowledged, with the queue's entries among it.
    if (this.parts.start === undefined && this.#persistent) this.#clear();
    this.acks.flush();
    this.parts.event({ type: 'connected', session: this.#session });
    if (this.#attachment.connection === connection) this.#grant();
    this.#look?.attached();
  }

  #moved(to: Move): void {
    if (!this.#attachment.moved(to) || to.to !== 'cluster') return;
    // What is known by ids of the cluster that is left must not be taken for ids of the other.
    this.acks.settle();
    this.#command.elsewhere();
  }

  #acknowledgeDrained(upTo: MessageIdData): void {
    const command = { consumerId: this.#consumerId, ackType: ackType.cumulative, messageId: [upTo] };
    this.#attachment.connection?.send({ type: 'ack', command });
  }

  #lost(error: PulsarError): void {
    this.#look?.lost();
    this.#drained?.forget();
    // What is read next may be the answer that brings it back.
    this.parts.pool.resume();
    this.parts.event({ type: 'disconnected', error });
  }

  #message(connection: Connection, command: CommandMessage, bytes: Buffer): void {
    if (this.#attachment.connection !== connection) return;
    this.#look?.heard();
    const { partition, start } = this.parts;
    const options = { partition, session: this.#session, maxBytes: connection.maxMessageBytes };
    const read = readEntry(command, bytes, options);
    const entry = read instanceof PulsarError ? this.#damagedEntry(command, bytes, read) : read;
    if (entry === undefined) return;
    this.#core.metrics.received?.(entry.count, bytes.length);
    this.#flow.arrived(permitsOf(entry), entry.payload.length);
    const stale = command.consumerEpoch !== undefined && command.consumerEpoch < this.#epoch;
    // The broker goes by its own clock too, where it adds its time.
    const publishedMs = entry.brokerEntry?.brokerTimestampMs ?? entry.metadata.publishTime;
    this.#drained?.arrived(command.messageId);
    const unwanted = this.#persistent && start?.advance(command.messageId, publishedMs) === false;
    this.#progressed();
    if (stale || unwanted || this.parts.divert?.(entry) === true) {
      this.#flow.taken(permitsOf(entry), entry.payload.length);
      this.#grant();
      return;
    }
    this.#queue.push(entry);
    if (this.parts.pool.flooded && this.parts.pool.pause(connection)) {
      this.#core.logger.warn({ topic: this.parts.topic, queuedBytes: this.queuedBytes }, 'a consumer is flooded');
    }
    if (this.#flow.dry) this.#grant();
    if (this.#queue.size === 1) this.parts.readable();
  }

  /** An entry that came damaged: read again, since the network may have done it; given up where it stays so. */
  #damagedEntry(command: CommandMessage, bytes: Buffer, error: PulsarError): Entry | undefined {
    this.#core.metrics.damaged?.();
    const messageId = new MessageId(command.messageId.ledgerId, command.messageId.entryId, this.parts.partition);
    const times = this.#damaged.count(messageId);
    const { topic } = this.parts;
    this.#core.logger.error({ topic, entry: messageId.toString(), times, err: error }, 'an entry came damaged');
    if (times >= maxDamagedReads) return damagedEntry(messageId, error, { ...command, bytes, session: this.#session });
    this.#attachment.restart(error);
    return undefined;
  }

  #grant(): void {
    const { connection } = this.#attachment;
    if (connection === undefined || this.held.now) return;
    // Several where a batch used more than one command can grant.
    do {
      const messagePermits = this.#flow.grant();
      if (messagePermits === 0) return this.#regrant.arm();
      connection.send({ type: 'flow', command: { consumerId: this.#consumerId, messagePermits } });
    } while (this.#flow.dry);
  }

  #clear(): void {
    for (const entry of this.#queue.drain()) this.#flow.taken(permitsOf(entry), entry.payload.length);
    this.parts.cleared();
  }

  #end(error: PulsarError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#look?.heard();
    this.#drained?.forget();
    this.#progressed();
    this.#clear();
    this.#flow.leave();
    this.#regrant.forget();
    this.acks.fail(error ?? this.closedError());
    // Not inside the call that closes it.
    queueMicrotask(() => this.parts.event(error === undefined ? { type: 'closed' } : { type: 'closed', error }));
  }

  #release(connection: Connection): void {
    this.#unregister(connection).catch((error: unknown) =>
      this.#core.logger.debug({ err: error }, 'a consumer was not released cleanly'),
    );
  }

  async #unregister(connection: Connection): Promise<void> {
    const consumerId = this.#consumerId;
    connection.removeConsumer(consumerId);
    const what = `releasing the consumer of '${this.parts.subscription}'`;
    await connection.request('success', what, (requestId) => ({
      type: 'closeConsumer',
      command: { consumerId, requestId },
    }));
  }

  async #attachedToSeek(): Promise<ConsumerAtBroker> {
    if (!this.#closed) await this.#attachment.whenAttached();
    this.#attachment.willBeLetGo();
    return this.#atBroker(this.#connectionNow());
  }

  #atBroker(connection: Connection): ConsumerAtBroker {
    return { connection, consumerId: this.#consumerId, topic: this.parts.topic };
  }

  #progressed(): void {
    this.#progress?.resolve();
    this.#progress = undefined;
  }

  #goOn(): void {
    this.acks.flush();
    this.#grant();
  }

  #ackTarget(): AckTarget | undefined {
    const { connection } = this.#attachment;
    return connection === undefined || this.held.now ? undefined : { connection, consumerId: this.#consumerId };
  }

  #connectionNow(): Connection {
    const { connection } = this.#attachment;
    if (this.#closed) throw this.closedError();
    if (connection !== undefined) return connection;
    const { subscription, topic } = this.parts;
    throw new PulsarError('NotConnected', `the consumer of '${subscription}' on ${topic} has no broker at the moment`);
  }
}
