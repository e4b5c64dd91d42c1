// This client, behind the same few calls that its peers have.
import type { Client } from '../../src/client.ts';
import type { Message } from '../../src/consumer/message.ts';
import { MessageId } from '../../src/message-id.ts';
import type { ProducerMessage } from '../../src/producer/producer-config.ts';
import { take } from '../support/consuming.ts';
import type { PeerMessage, ProduceParams, SeenMessage } from './peers.ts';

/** @returns ids, serialized, in base64 */
export async function produce(client: Client, params: Omit<ProduceParams, 'chunkBytes'>): Promise<string[]> {
  const { topic, compression, batchSize, hashing } = params;
  const producer = await client.createProducer({
    topic,
    compressionType: compression,
    maxPendingMessages: 50_000,
    batchingEnabled: batchSize > 0,
    ...(batchSize > 0 ? { batchingMaxMessages: batchSize, batchingMaxPublishDelayMs: 0 } : {}),
    ...(hashing === undefined ? {} : { hashingScheme: hashing }),
  });
  const ids = await Promise.all(params.messages.map((message) => producer.send(toSend(message))));
  await producer.close();
  return ids.map(serialized);
}

/** By a reader, from the first message on. */
export async function read(client: Client, topic: string, count: number): Promise<SeenMessage[]> {
  const reader = await client.createReader({ topic, startMessageId: MessageId.earliest() });
  const messages = await take(reader, count);
  await reader.close();
  return messages.map(seen);
}

export function seen(message: Message): SeenMessage {
  return {
    data: message.getData().toString('base64'),
    key: message.getPartitionKey(),
    orderingKey: message.getOrderingKey(),
    properties: message.getProperties(),
    eventTimestamp: message.getEventTimestamp(),
    producerName: message.getProducerName(),
    id: serialized(message.getMessageId()),
  };
}

export function idOf(serializedId: string | undefined): MessageId {
  return MessageId.deserialize(Buffer.from(serializedId ?? '', 'base64'));
}

function serialized(id: MessageId): string {
  return id.serialize().toString('base64');
}

function toSend({ data, key, orderingKey, properties, eventTimestamp }: PeerMessage): ProducerMessage {
  return {
    data: Buffer.from(data ?? '', 'base64'),
    ...(key === undefined ? {} : { partitionKey: key }),
    ...(orderingKey === undefined ? {} : { orderingKey }),
    ...(properties === undefined ? {} : { properties }),
    ...(eventTimestamp === undefined ? {} : { eventTimestamp }),
  };
}
