import type { TestContext } from 'node:test';
import { eventually, sharedPulsar, uniqueTopic } from '@pharos/testkit';
import { Client } from '../../src/client.ts';
import type { ClientConfig } from '../../src/client-config.ts';
import type { Consumer } from '../../src/consumer/consumer.ts';
import type { ConsumerConfig } from '../../src/consumer/consumer-config.ts';
import type { Message } from '../../src/consumer/message.ts';
import type { MessageId } from '../../src/message-id.ts';
import type { ProducerConfig, ProducerMessage } from '../../src/producer/producer-config.ts';
import type { Reader, ReaderConfig } from '../../src/reader/reader.ts';

/** For a message that must come; a busy machine takes its time. */
const comesWithinMs = 20_000;

/** A client and a topic of the shared broker, for one test. */
export class Bench {
  readonly client: Client;
  readonly adminUrl: string;
  readonly topic: string;

  private constructor(client: Client, adminUrl: string, topic: string) {
    this.client = client;
    this.adminUrl = adminUrl;
    this.topic = topic;
  }

  static async open(t: TestContext, config: Partial<ClientConfig> = {}): Promise<Bench> {
    const { serviceUrl, adminUrl } = await sharedPulsar();
    const client = new Client({ serviceUrl, initialBackoffMs: 10, maxBackoffMs: 200, ...config });
    t.after(() => client.close());
    return new Bench(client, adminUrl, uniqueTopic('consumer'));
  }

  /** A durable subscription `s`, from the first message on unless the config says otherwise. */
  subscribe(config: Partial<ConsumerConfig> = {}): Promise<Consumer> {
    const { topic } = this;
    return this.client.subscribe({ topic, subscription: 's', subscriptionInitialPosition: 'Earliest', ...config });
  }

  read(startMessageId: MessageId, config: Partial<ReaderConfig> = {}): Promise<Reader> {
    return this.client.createReader({ topic: this.topic, startMessageId, ...config });
  }

  /** Publishes all as one entry: a batch, even of one. */
  async publishBatch(...messages: (string | ProducerMessage)[]): Promise<MessageId[]> {
    return this.#publish({ batchingMaxPublishDelayMs: 0, batchingMaxMessages: 1000 }, messages);
  }

  /** Publishes each as an entry of its own, which is no batch. */
  async publish(...messages: (string | ProducerMessage)[]): Promise<MessageId[]> {
    return this.#publish({ batchingEnabled: false }, messages);
  }

  async makePartitioned(partitions: number): Promise<void> {
    await this.admin('PUT', 'partitions', partitions);
  }

  /** Calls the broker's REST API on the topic. */
  async admin(method: 'GET' | 'PUT' | 'POST' | 'DELETE', what: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.adminUrl}/admin/v2/${this.topic.replace('://', '/')}/${what}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${what}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** Waits until so many entries of the plain topic are unacknowledged on subscription `s`. */
  async untilBacklogIs(entries: number): Promise<void> {
    await eventually(async () => {
      const stats = (await this.admin('GET', 'internalStats')) as {
        readonly cursors: { readonly s: { readonly numberOfEntriesSinceFirstNotAckedMessage: number } };
      };
      // It counts from one before the first that is unacknowledged.
      return stats.cursors.s.numberOfEntriesSinceFirstNotAckedMessage - 1 === entries || undefined;
    }, `backlog of ${entries} entries`);
  }

  async #publish(config: Partial<ProducerConfig>, messages: (string | ProducerMessage)[]): Promise<MessageId[]> {
    const producer = await this.client.createProducer({ topic: this.topic, maxPendingMessages: 10_000, ...config });
    const whole = messages.map((message) => (typeof message === 'string' ? { data: Buffer.from(message) } : message));
    const ids = await Promise.all(whole.map((message) => producer.send(message)));
    await producer.close();
    return ids;
  }
}

export function textOf(message: Message): string {
  return message.getData().toString();
}

/** The next so many messages. */
export async function take(from: Consumer | Reader, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  while (messages.length < count) {
    messages.push('receive' in from ? await from.receive(comesWithinMs) : await from.readNext(comesWithinMs));
  }
  return messages;
}

export async function takeTexts(from: Consumer | Reader, count: number): Promise<string[]> {
  return (await take(from, count)).map(textOf);
}

/** Numbered texts. */
export function texts(count: number, prefix = 'm'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}
