import type { ClientCore } from '../client-core.ts';
import { PulsarError } from '../errors.ts';
import { MessageId, type MessageIdParts } from '../message-id.ts';
import { integer, keyValues, mustHold, oneOf, refuseUnknown, text } from '../options.ts';
import { formatTopicName, parseTopicName } from '../topic-name.ts';
import type { Entry, EntryConsumer, EntryConsumerConfig, EntryConsumerEvent } from './entry-consumer.ts';
import { FlowPool } from './flow.ts';
import { StartPosition } from './start-position.ts';
import { initialPositions, madeUpName, subscriptionTypes } from './subscription.ts';
import { TopicEntries } from './topic-entries.ts';
import type { TopicEntriesParts } from './topic-entries-parts.ts';

const kind = 'EntryConsumerConfig';
const supported: readonly (keyof EntryConsumerConfig)[] = [
  'topic',
  'subscription',
  'subscriptionType',
  'consumerName',
  'durable',
  'startMessageId',
  'startMessageIdInclusive',
  'startMessageRollbackSeconds',
  'subscriptionInitialPosition',
  'receiverQueueSize',
  'receiverQueueBytes',
  'readCompacted',
  'properties',
  'onReadable',
  'onEvent',
];

/** @throws PulsarError */
export async function subscribeEntries(core: ClientCore, config: EntryConsumerConfig): Promise<EntryConsumer> {
  refuseUnknown(kind, config, supported, {});
  const consumer = new SingleTopicEntryConsumer(core, config);
  core.add(consumer);
  try {
    await consumer.start();
  } catch (error) {
    core.remove(consumer);
    throw error;
  }
  return consumer;
}

type Parts = Omit<TopicEntriesParts, 'readable' | 'event' | 'cleared'>;

class SingleTopicEntryConsumer implements EntryConsumer {
  readonly topic: string;
  readonly subscription: string;
  readonly #core: ClientCore;
  readonly #config: EntryConsumerConfig;
  readonly #entries: TopicEntries;

  constructor(core: ClientCore, config: EntryConsumerConfig) {
    const parts = partsOf(config);
    this.#core = core;
    this.#config = config;
    this.topic = parts.topic;
    this.subscription = parts.subscription;
    const { onReadable } = config;
    this.#entries = new TopicEntries(core, {
      ...parts,
      readable: onReadable === undefined ? () => undefined : () => core.callOut(() => onReadable(this)),
      event: (event) => this.#event(event),
      cleared: () => undefined,
    });
  }

  get session(): number {
    return this.#entries.session;
  }

  get queuedEntries(): number {
    return this.#entries.queuedEntries;
  }

  get queuedBytes(): number {
    return this.#entries.queuedBytes;
  }

  start(): Promise<void> {
    return this.#entries.start();
  }

  isConnected(): boolean {
    return this.#entries.connected;
  }

  tryReceive(): Entry | undefined {
    return this.#entries.take();
  }

  acknowledgeEntry(entry: { readonly messageId: MessageIdParts }): Promise<null> {
    const { ledgerId, entryId } = entry.messageId;
    return this.#entries.acks.individual({ ledgerId, entryId });
  }

  async acknowledgeEntriesThrough(entry: { readonly messageId: MessageIdParts }): Promise<null> {
    // The broker would ignore it without a word.
    if (this.#config.subscriptionType === 'Shared') {
      throw new PulsarError(
        'CumulativeAcknowledgementNotAllowedError',
        'a Shared subscription has no order over all, and so no cumulative acknowledgement',
      );
    }
    const { ledgerId, entryId } = entry.messageId;
    return this.#entries.acks.cumulative({ ledgerId, entryId });
  }

  async getAcknowledgedThrough(): Promise<MessageId | undefined> {
    const { done } = await this.#entries.ends();
    return done === undefined ? undefined : MessageId.of({ ...done, partition: this.#entries.parts.partition });
  }

  async getLastMessageId(): Promise<MessageId> {
    return this.#entries.lastMessageId();
  }

  async close(): Promise<null> {
    await this.#entries.close();
    return null;
  }

  #event(event: EntryConsumerEvent): void {
    if (event.type === 'closed') this.#core.remove(this);
    const { onEvent } = this.#config;
    if (onEvent !== undefined) this.#core.callOut(() => onEvent(event, this));
  }
}

function partsOf(config: EntryConsumerConfig): Parts {
  const name = parseTopicName(config.topic);
  const type = oneOf(kind, 'subscriptionType', config.subscriptionType, 'Exclusive', [
    'Exclusive',
    'Failover',
    'Shared',
  ]);
  const begins = oneOf(kind, 'subscriptionInitialPosition', config.subscriptionInitialPosition, 'Latest', [
    'Latest',
    'Earliest',
  ]);
  const durable = config.durable ?? false;
  const rollback = integer(kind, 'startMessageRollbackSeconds', config.startMessageRollbackSeconds, 0, 0);
  const contradictory = rollback > 0 && (durable || config.startMessageId !== undefined);
  mustHold(
    kind,
    !contradictory,
    'startMessageRollbackSeconds is where a subscription that is not durable begins, alone',
  );
  return {
    topic: formatTopicName(name),
    partition: name.partition,
    subscription: text(kind, 'subscription', config.subscription),
    command: {
      subType: subscriptionTypes[type],
      consumerName: config.consumerName ?? madeUpName(),
      durable,
      initialPosition: initialPositions[begins],
      metadata: keyValues(config.properties),
      readCompacted: config.readCompacted ?? false,
    },
    start: durable
      ? undefined
      : new StartPosition(
          config.startMessageId ?? (rollback > 0 ? MessageId.earliest() : MessageId.latest()),
          config.startMessageIdInclusive ?? false,
          rollback,
        ),
    window: integer(kind, 'receiverQueueSize', config.receiverQueueSize, 10_000, 0),
    pool: new FlowPool({
      maxMessages: Number.POSITIVE_INFINITY,
      maxBytes: integer(kind, 'receiverQueueBytes', config.receiverQueueBytes, 2 * 1024 * 1024, 1),
    }),
  };
}
