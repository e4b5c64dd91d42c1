// A scripted broker that has a topic to read.
import type { TestContext } from 'node:test';
import { ByteWriter } from '@pharos/bytes';
import { Collector } from '@pharos/testkit';
import type { Client } from '../../src/client.ts';
import type { ClientConfig } from '../../src/client-config.ts';
import type {
  Entry,
  EntryConsumer,
  EntryConsumerConfig,
  EntryConsumerEvent,
} from '../../src/consumer/entry-consumer.ts';
import { encodePayloadFrame, type MessageMetadata } from '../../src/wire/index.ts';
import { startScripted } from './producers.ts';
import type { Heard, ScriptedBroker } from './scripted-broker.ts';

const ledgerId = 7n;

export interface SentEntry {
  readonly entryId: number;
  readonly payload?: Buffer;
  readonly metadata?: Partial<MessageMetadata>;
  readonly redeliveryCount?: number;
  /** Change the last byte behind the checksum's back. */
  readonly damaged?: boolean;
  /** Have it begin with what can be no size of metadata, nor anything else. */
  readonly malformed?: boolean;
}

/** The newest subscription of a client to a scripted broker. */
export class ScriptedTopic {
  readonly broker: ScriptedBroker;
  readonly client: Client;
  /** Of `getLastMessageId`. */
  newest = -1;

  constructor(broker: ScriptedBroker, client: Client) {
    this.broker = broker;
    this.client = client;
    broker.on('subscribe', (heard) => this.welcome(heard));
    broker.on('closeConsumer', ({ command: { requestId }, peer }) =>
      peer.say({ type: 'success', command: { requestId } }),
    );
    broker.on('getLastMessageId', ({ command: { requestId }, peer }) => {
      const lastMessageId = { ledgerId: this.newest < 0 ? -1n : ledgerId, entryId: BigInt(this.newest) };
      peer.say({ type: 'getLastMessageIdResponse', command: { requestId, lastMessageId } });
    });
  }

  readonly welcome = ({ command: { requestId }, peer }: Heard<'subscribe'>): void =>
    peer.say({ type: 'success', command: { requestId } });

  /** The subscription number so many, from 1, once it asks for messages. */
  async subscription(number: number): Promise<Heard<'subscribe'>> {
    const subscribe = await this.broker.hear('subscribe', number);
    const { consumerId } = subscribe.command;
    const isAsked = (): boolean => this.broker.heard('flow').some(({ command }) => command.consumerId === consumerId);
    for (let flows = this.broker.heard('flow').length + 1; !isAsked(); flows++) await this.broker.hear('flow', flows);
    return subscribe;
  }
}

/** Sends an entry to a subscription. */
export function sendEntry(to: Heard<'subscribe'>, entry: SentEntry): void {
  const { entryId, payload, metadata, redeliveryCount, damaged, malformed } = entry;
  const writer = new ByteWriter();
  const messageId = { ledgerId, entryId: BigInt(entryId) };
  encodePayloadFrame(
    writer,
    { type: 'message', command: { consumerId: to.command.consumerId, messageId, redeliveryCount } },
    { producerName: 'scripted', sequenceId: entryId, publishTime: 1000 + entryId, ...metadata },
    payload ?? Buffer.from(`e${entryId}`),
  );
  const frame = writer.copy();
  if (damaged === true) frame[frame.length - 1] = (frame[frame.length - 1] as number) ^ 1;
  // Its magic number comes right behind the command.
  if (malformed === true) frame[8 + frame.readUInt32BE(4)] = 0xff;
  to.peer.write(frame);
}

/** A consumer of entries, with all that it got. */
export interface Tail {
  readonly consumer: EntryConsumer;
  readonly entries: Collector<Entry>;
  readonly events: Collector<EntryConsumerEvent>;
}

export async function startTopic(t: TestContext, config: Partial<ClientConfig> = {}): Promise<ScriptedTopic> {
  const { broker, client } = await startScripted(t, {}, config);
  return new ScriptedTopic(broker, client);
}

/** Follows a topic and takes everything at once. */
export async function follow(client: Client, config: Partial<EntryConsumerConfig> = {}): Promise<Tail> {
  const entries = new Collector<Entry>();
  const events = new Collector<EntryConsumerEvent>();
  const onReadable = (consumer: EntryConsumer): void => {
    for (let entry = consumer.tryReceive(); entry !== undefined; entry = consumer.tryReceive()) entries.add(entry);
  };
  const consumer = await client.subscribeEntries({
    topic: 'chat',
    subscription: 's',
    onReadable,
    onEvent: events.add,
    ...config,
  });
  return { consumer, entries, events };
}

export function textsOf(entries: readonly Entry[]): string[] {
  return entries.map(({ payload }) => payload.toString());
}
