import { withDeadline } from '@pharos/lifecycle';
import type { Client, Producer } from '@pharos/pulsar-client';
import type { BusError } from '../errors.ts';
import type { LaneProducer, OutgoingMessage } from './lane-appender.ts';
import type { EntryPosition } from './position.ts';
import { toBusError } from './pulsar-errors.ts';

export interface ClientProducerParts {
  readonly client: Client;
  /** A plain topic or one partition. */
  readonly topic: string;
  /** Must be a name that no other producer of the topic has or had, unless messages bring their own sequence ids. */
  readonly name: string;
  /** Whether messages bring their own sequence ids: then each is an entry, and is sent for as long as it takes. @default false */
  readonly ownSequenceIds?: boolean;
  readonly maxPendingMessages: number;
  readonly maxPendingBytes: number;
  /** The connection came, went, or won't come back. */
  readonly onChange: () => void;
}

// Longer than any append waits for its answer: until then a message that is on its way is sent again over reconnects.
const sendTimeoutMs = 60_000;

// The bus counts what waits by its own measure and forgets what has an unknown outcome, which the client still sends: the
// client's bounds are only there for that.
const queueSlack = 2;
const slackBytes = 1024 * 1024;

// Whatever is under way when a log closes has an unknown outcome by then; its answer is worth a moment, no more.
const closeTimeoutMs = 2_000;

/** A producer of the Pulsar client for one lane. */
export class ClientProducer implements LaneProducer {
  readonly #producer: Producer;
  readonly #topic: string;

  private constructor(producer: Producer, topic: string) {
    this.#producer = producer;
    this.#topic = topic;
  }

  /** @throws BusError `unreachable`, `refused`, `log-ended` */
  static async open(parts: ClientProducerParts): Promise<ClientProducer> {
    try {
      const producer = await parts.client.createProducer({
        topic: parts.topic,
        producerName: parts.name,
        ...(parts.ownSequenceIds === true
          ? { sendTimeoutMs: 0, initialSequenceId: -1, batchingEnabled: false }
          : { sendTimeoutMs }),
        maxPendingMessages: parts.maxPendingMessages * queueSlack,
        maxPendingBytes: parts.maxPendingBytes * queueSlack + slackBytes,
        batchingMaxPublishDelayMs: 0,
        connectionListener: () => parts.onChange(),
      });
      return new ClientProducer(producer, parts.topic);
    } catch (error) {
      throw toBusError(error, `producing to ${parts.topic}`);
    }
  }

  get connected(): boolean {
    return this.#producer.isConnected();
  }

  get ended(): BusError | undefined {
    const failure = this.#producer.getFailure();
    return failure === undefined ? undefined : toBusError(failure, `appending to ${this.#topic}`);
  }

  async send(message: OutgoingMessage): Promise<EntryPosition> {
    try {
      const { data, properties, key, sequenceId } = message;
      return await this.#producer.send({
        data,
        properties,
        ...(key === undefined ? {} : { partitionKey: key }),
        ...(sequenceId === undefined ? {} : { sequenceId }),
      });
    } catch (error) {
      throw toBusError(error, `appending to ${this.#topic}`);
    }
  }

  async close(): Promise<void> {
    // What it leaves is failed when the client is closed.
    await withDeadline(this.#producer.close(), closeTimeoutMs, `closing the producer of ${this.#topic}`).catch(
      () => null,
    );
  }
}
