// This project's Pulsar client under the measurements of the bench; PulsarClientBench.java does the same with Java's.
import { Deferred, withDeadline } from '@pharos/lifecycle';
import { Client, type Consumer, type EntryConsumer, EntryCursor, MessageId } from '@pharos/pulsar-client';

import type {
  ConsumeParams,
  LatencyParams,
  LatencyResult,
  ProduceParams,
  PulsarClientCommands,
} from '../frame/client-roles.ts';
import { serveCommands } from '../frame/commands.ts';
import { type Checked, DeliveryCheck } from '../frame/delivery-check.ts';
import { pace } from '../frame/pacer.ts';

const idleMs = 30_000;
let client: Client | undefined;

function opened(): Client {
  if (client === undefined) throw new Error('open comes first');
  return client;
}

async function produce({ topic, count, payloadBytes, options }: ProduceParams): Promise<{ seconds: number }> {
  const producer = await opened().createProducer({
    topic,
    batchingMaxMessages: options.batchMessages,
    batchingMaxAllowedSizeInBytes: options.batchBytes,
    batchingMaxPublishDelayMs: options.batchDelayMs,
    maxPendingMessages: options.pendingMessages,
  });
  const startMs = performance.now();
  // Whoever sends without end must know how much is under way; in Java the call itself waits.
  let underWay = 0;
  let room = new Deferred();
  const failed = new Deferred<never>();
  failed.promise.catch(() => undefined);
  const acknowledged = (): void => {
    if (underWay-- === options.pendingMessages) room.resolve();
  };
  for (let sequence = 0; sequence < count; sequence++) {
    if (underWay === options.pendingMessages) {
      room = new Deferred();
      await Promise.race([room.promise, failed.promise]);
    }
    underWay++;
    producer.send({ data: payload(sequence, payloadBytes) }).then(acknowledged, failed.reject);
  }
  await Promise.race([producer.flush(), failed.promise]);
  const seconds = (performance.now() - startMs) / 1_000;
  await producer.close();
  if (underWay > 0) throw new Error(`${underWay} messages were not acknowledged`);
  return { seconds };
}

async function consume(params: ConsumeParams): Promise<{ seconds: number; checked: Checked }> {
  const check = new DeliveryCheck();
  check.addConnection();
  const startMs = performance.now();
  if (params.how === 'entries') return { seconds: await consumeEntries(params, check), checked: result(check, params) };
  const consumer = await subscribe(params);
  while (check.deliveries < params.count) {
    if (params.how === 'batch') await takeBatch(consumer, check);
    else accept(check, (await consumer.receive(idleMs)).getData());
  }
  const seconds = (performance.now() - startMs) / 1_000;
  await consumer.unsubscribe();
  return { seconds, checked: result(check, params) };
}

function subscribe({
  topic,
  subscription,
  options,
}: Pick<ConsumeParams, 'topic' | 'subscription' | 'options'>): Promise<Consumer> {
  return opened().subscribe({
    topic,
    subscription,
    subscriptionInitialPosition: 'Earliest',
    receiverQueueSize: options.queueMessages,
    batchReceivePolicy: {
      maxNumMessages: options.batchMessages,
      maxNumBytes: options.batchBytes,
      timeoutMs: options.batchTimeoutMs,
    },
  });
}

async function takeBatch(consumer: Consumer, check: DeliveryCheck): Promise<void> {
  const messages = await withDeadline(consumer.batchReceive(), idleMs, 'a batch');
  for (const message of messages) accept(check, message.getData());
}

/** @returns seconds */
async function consumeEntries(
  { topic, subscription, count, options }: ConsumeParams,
  check: DeliveryCheck,
): Promise<number> {
  const done = new Deferred();
  const cursor = new EntryCursor();
  const takeAll = (consumer: EntryConsumer): void => {
    try {
      for (let entry = consumer.tryReceive(); entry !== undefined; entry = consumer.tryReceive()) {
        if (entry.unreadable !== undefined) throw entry.unreadable;
        cursor.set(entry);
        while (cursor.next()) accept(check, cursor.buffer, cursor.dataStart);
      }
      if (check.deliveries >= count) done.resolve();
    } catch (error) {
      done.reject(error);
    }
  };
  const startMs = performance.now();
  const consumer = await opened().subscribeEntries({
    topic,
    subscription,
    startMessageId: MessageId.earliest(),
    startMessageIdInclusive: true,
    receiverQueueSize: options.queueMessages,
    onReadable: takeAll,
  });
  await withDeadline(done.promise, 2 * idleMs, `${count} messages`);
  const seconds = (performance.now() - startMs) / 1_000;
  await consumer.close();
  return seconds;
}

async function latency(params: LatencyParams): Promise<LatencyResult> {
  const { topic, count, perSecond, payloadBytes } = params;
  const check = new DeliveryCheck();
  check.addConnection();
  const consumer = await subscribe(params);
  const producer = await opened().createProducer({ topic, batchingEnabled: false });
  const sentAt = new Float64Array(count);
  const micros = new Float64Array(count);
  const received = receiveAll();
  received.catch(() => undefined);
  const sent: Promise<unknown>[] = [];
  await pace({ from: 0, count, perSecond }, (sequence) => {
    const data = payload(sequence, payloadBytes);
    sentAt[sequence] = performance.now();
    sent.push(producer.send({ data }));
  });
  await Promise.all([received, ...sent]);
  await consumer.unsubscribe();
  await producer.close();
  micros.sort();
  return { p50: micros[count >> 1] ?? 0, p99: micros[Math.floor(count * 0.99)] ?? 0, checked: result(check, params) };

  async function receiveAll(): Promise<void> {
    while (check.deliveries < count) {
      const message = await consumer.receive(idleMs);
      const now = performance.now();
      const sequence = accept(check, message.getData());
      micros[sequence] = (now - (sentAt[sequence] ?? 0)) * 1_000;
    }
  }
}

function payload(sequence: number, bytes: number): Buffer {
  const data = Buffer.allocUnsafe(bytes);
  data.writeUInt32BE(sequence, 0);
  return data;
}

/** Hot: once for every message. */
function accept(check: DeliveryCheck, payload: Buffer, start = 0): number {
  const sequence = payload.readUInt32BE(start);
  check.accept(0, sequence);
  return sequence;
}

/** Here a frame is a message: how many of them share an entry is the same for both clients. */
function result(check: DeliveryCheck, { count }: { readonly count: number }): Checked {
  const checked = check.result(count);
  return { ...checked, frames: checked.deliveries };
}

async function open({ serviceUrl }: { readonly serviceUrl: string }): Promise<void> {
  client = new Client({ serviceUrl });
}

const commands: PulsarClientCommands = { open, produce, consume, latency };
await serveCommands(commands);
await client?.close();
process.exit();
