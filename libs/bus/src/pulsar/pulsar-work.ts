import { describeError } from '@pharos/errors';
import type { Client, Consumer, Message, MessageId } from '@pharos/pulsar-client';
import { BusError } from '../errors.ts';
import type { WorkMessage, WorkSpec, WorkSubscription } from '../port.ts';
import { noProperties } from '../routing.ts';
import { formatPosition } from './position.ts';
import { toBusError } from './pulsar-errors.ts';

export interface PulsarWorkParts {
  readonly client: Client;
  /** Full name of the topic. */
  readonly topic: string;
  readonly spec: WorkSpec;
  readonly warn: (detail: object, message: string) => void;
  readonly onClose: (subscription: PulsarWork) => void;
}

const defaultNackDelayMs = 1000;

// The delay of a nack is kept here, each with its own; the client's own delay comes on top.
const clientNackDelayMs = 1;

/** What `receive` gave, with the id that the client acknowledges it by. */
class ReceivedMessage implements WorkMessage {
  readonly messageId: MessageId;
  readonly lane: number;
  readonly offset: number;
  readonly position: string;
  readonly key: string | undefined;
  readonly data: Buffer;
  readonly properties: ReadonlyMap<string, string>;
  readonly publishTimeMs: number;
  readonly redeliveryCount: number;

  constructor(message: Message) {
    const id = message.getMessageId();
    const properties = Object.entries(message.getProperties());
    const key = message.getPartitionKey();
    const index = message.getBrokerIndex();
    this.messageId = id;
    this.lane = Math.max(0, id.partition);
    this.offset = index === undefined ? 0 : index + 1;
    this.position = formatPosition(id.ledgerId, id.entryId, id.batchIndex);
    this.key = key === '' ? undefined : key;
    this.data = message.getData();
    this.properties = properties.length === 0 ? noProperties : new Map(properties);
    this.publishTimeMs = message.getBrokerTimestamp() ?? message.getPublishTimestamp();
    this.redeliveryCount = message.getRedeliveryCount();
  }
}

/** A durable subscription of the Pulsar client. */
export class PulsarWork implements WorkSubscription {
  readonly #parts: PulsarWorkParts;
  readonly #consumer: Consumer;
  readonly #nacks = new Set<NodeJS.Timeout>();
  #closed = false;

  private constructor(parts: PulsarWorkParts, consumer: Consumer) {
    this.#parts = parts;
    this.#consumer = consumer;
  }

  /** @throws BusError `unreachable`, `refused`, `subscription-busy` */
  static async open(parts: PulsarWorkParts): Promise<PulsarWork> {
    const { client, spec, topic } = parts;
    try {
      const consumer = await client.subscribe({
        topic,
        subscription: spec.subscription,
        subscriptionType: spec.type === 'failover' ? 'Failover' : 'Shared',
        subscriptionInitialPosition: spec.startAt === 'latest' ? 'Latest' : 'Earliest',
        nAckRedeliverTimeoutMs: clientNackDelayMs,
        ...(spec.consumerName === undefined ? {} : { consumerName: spec.consumerName }),
      });
      return new PulsarWork(parts, consumer);
    } catch (error) {
      throw toBusError(error, `subscribing '${spec.subscription}' to ${topic}`);
    }
  }

  async receive(): Promise<WorkMessage> {
    for (;;) {
      if (this.#closed) throw this.#closedError();
      const message = await this.#do('receiving from', () => this.#consumer.receive());
      try {
        return new ReceivedMessage(message);
      } catch (error) {
        // It stays unacknowledged: nobody has worked on it, and a later version may be able to read it.
        const detail = {
          topic: this.#parts.topic,
          id: message.getMessageId().toString(),
          reason: describeError(error),
        };
        this.#parts.warn(detail, 'a message of a work subscription can not be read; it is left unacknowledged');
      }
    }
  }

  async ack(message: WorkMessage): Promise<void> {
    await this.#do('acknowledging on', () => this.#consumer.acknowledgeId(idOf(message)));
  }

  async ackThrough(message: WorkMessage): Promise<void> {
    const { spec } = this.#parts;
    if (spec.type === 'shared') {
      throw new BusError('refused', `'${spec.subscription}' is shared: its messages are acknowledged one by one`);
    }
    await this.#do('acknowledging on', () => this.#consumer.acknowledgeCumulativeId(idOf(message)));
  }

  nack(message: WorkMessage, delayMs: number = defaultNackDelayMs): void {
    if (this.#closed) return;
    const timer = setTimeout(() => {
      this.#nacks.delete(timer);
      try {
        this.#consumer.negativeAcknowledgeId(idOf(message));
      } catch (error) {
        // The consumer ended meanwhile: the broker gives its messages to the next one without being asked.
        const detail = { topic: this.#parts.topic, reason: describeError(error) };
        this.#parts.warn(detail, 'a message could not be asked for again');
      }
    }, delayMs);
    this.#nacks.add(timer);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#nacks) clearTimeout(timer);
    this.#parts.onClose(this);
    await this.#consumer.close();
  }

  async #do<T>(what: string, call: () => Promise<T>): Promise<T> {
    if (this.#closed) throw this.#closedError();
    try {
      return await call();
    } catch (error) {
      throw toBusError(error, `${what} '${this.#parts.spec.subscription}'`);
    }
  }

  #closedError(): BusError {
    return new BusError('closed', `the subscription '${this.#parts.spec.subscription}' was closed`);
  }
}

function idOf(message: WorkMessage): MessageId {
  if (message instanceof ReceivedMessage) return message.messageId;
  throw new TypeError('this message was not received from a work subscription of Pulsar');
}
