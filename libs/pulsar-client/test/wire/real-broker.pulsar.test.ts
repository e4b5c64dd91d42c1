// The codec in conversation with a real broker: what the broker takes and sends is the last word on the format.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { ByteWriter } from '@pharos/bytes';
import { sharedPulsar, uniqueTopic } from '@pharos/testkit';
import {
  ackType,
  appendToBatch,
  BatchCursor,
  decodeEntry,
  earliestMessageId,
  encodeFrame,
  encodePayloadFrame,
  FrameParser,
  initialPosition,
  latestMessageId,
  lookupResult,
  serverError,
  subType,
  topicsMode,
} from '../../src/wire/index.ts';
import type { CommandMap, CommandName, Frame, KnownCommand, MessageMetadata } from '../../src/wire/index.ts';

/** One connection that says a command and waits for the answer that it expects; any other answer is a failure. */
class Conversation {
  readonly #socket: Socket;
  readonly #parser = new FrameParser();
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #writer = new ByteWriter();

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  say(command: KnownCommand): void {
    encodeFrame(this.#writer.reset(), command);
    this.#socket.write(this.#writer.copy());
  }

  send(command: KnownCommand, metadata: MessageMetadata, payload: Uint8Array): void {
    encodePayloadFrame(this.#writer.reset(), command, metadata, payload);
    this.#socket.write(this.#writer.copy());
  }

  /** Says a SEND whose payload changed after its checksum was made. */
  sendDamaged(producerId: number, producerName: string): void {
    const metadata = { producerName, sequenceId: 0, publishTime: Date.now() };
    encodePayloadFrame(
      this.#writer.reset(),
      { type: 'send', command: { producerId, sequenceId: 0 } },
      metadata,
      Buffer.from('x'),
    );
    const frame = this.#writer.copy();
    frame[frame.length - 1] = 0x21;
    this.#socket.write(frame);
  }

  async hear<Name extends CommandName>(name: Name): Promise<{ command: CommandMap[Name]; entry: Buffer | undefined }> {
    const { command, entry } = await this.#frame();
    assert.equal(command.type, name, `expected ${name}, heard ${command.type}`);
    return { command: (command as unknown as { command: CommandMap[Name] }).command, entry };
  }

  close(): void {
    this.#socket.destroy();
  }

  async #frame(): Promise<Frame> {
    for (;;) {
      const frame = this.#parser.next();
      if (frame !== undefined) return frame;
      const chunk = await this.#chunks.next();
      assert.ok(chunk.done !== true, 'the broker closed the connection');
      this.#parser.push(chunk.value);
    }
  }
}

describe('a real broker', () => {
  const topic = uniqueTopic('wire');
  let broker: Conversation;

  before(async () => {
    const url = new URL((await sharedPulsar()).serviceUrl);
    const socket = connect(Number(url.port), url.hostname);
    await once(socket, 'connect');
    broker = new Conversation(socket);
  });
  after(() => broker.close());

  test('answers CONNECT, PING, PARTITIONED_METADATA and LOOKUP', async () => {
    const featureFlags = { supportsAuthRefresh: true, supportsBrokerEntryMetadata: true };
    broker.say({ type: 'connect', command: { clientVersion: 'wire-test', protocolVersion: 20, featureFlags } });
    const connected = (await broker.hear('connected')).command;
    assert.match(connected.serverVersion, /Pulsar/);
    assert.equal(connected.maxMessageSize, 5 * 1024 * 1024);
    broker.say({ type: 'ping', command: {} });
    await broker.hear('pong');
    broker.say({ type: 'partitionedMetadata', command: { topic, requestId: 1 } });
    const partitions = (await broker.hear('partitionedMetadataResponse')).command;
    assert.deepEqual([partitions.requestId, partitions.partitions], [1, 0]);
    broker.say({ type: 'lookup', command: { topic, requestId: 2 } });
    const lookup = (await broker.hear('lookupResponse')).command;
    assert.equal(lookup.response, lookupResult.connect);
    assert.match(lookup.brokerServiceUrl ?? '', /^pulsar:\/\//);
  });

  test('stores a batch and delivers it with its index; takes acknowledgements', async () => {
    const metadata = [{ key: 'who', value: 'wire' }];
    broker.say({ type: 'producer', command: { topic, producerId: 1, requestId: 3, producerName: 'wire-1', metadata } });
    const producer = (await broker.hear('producerSuccess')).command;
    assert.deepEqual([producer.requestId, producer.producerName, producer.lastSequenceId], [3, 'wire-1', -1]);

    broker.say({
      type: 'subscribe',
      command: {
        topic,
        subscription: 'wire',
        subType: subType.shared,
        consumerId: 2,
        requestId: 4,
        initialPosition: initialPosition.earliest,
      },
    });
    assert.equal((await broker.hear('success')).command.requestId, 4);
    const id = await publishBatch(broker, ['one', 'två', '三']);

    broker.say({ type: 'flow', command: { consumerId: 2, messagePermits: 10 } });
    const { command: delivered, entry: bytes } = await broker.hear('message');
    assert.deepEqual([delivered.consumerId, delivered.messageId.entryId], [2, id]);
    const entry = decodeEntry(bytes as Buffer);
    assert.ok(entry.checksumOk);
    assert.equal(entry.brokerEntry?.index, 2, "the index of the batch's last message");
    assert.equal(entry.metadata.numMessagesInBatch, 3);
    assert.deepEqual(textsOf(entry.payload, 3), ['key-0=one', 'key-1=två', 'key-2=三']);

    const messageId = [delivered.messageId];
    broker.say({ type: 'ack', command: { consumerId: 2, ackType: ackType.individual, messageId, requestId: 5 } });
    const acked = (await broker.hear('ackResponse')).command;
    assert.deepEqual([acked.requestId, acked.error], [5, undefined]);
  });

  test('names the last message, seeks, lists topics, closes', async () => {
    broker.say({ type: 'getLastMessageId', command: { consumerId: 2, requestId: 6 } });
    assert.equal((await broker.hear('getLastMessageIdResponse')).command.lastMessageId.entryId, 0n);
    const namespace = 'public/default';
    broker.say({ type: 'getTopicsOfNamespace', command: { requestId: 7, namespace, mode: topicsMode.persistent } });
    assert.ok((await broker.hear('getTopicsOfNamespaceResponse')).command.topics?.includes(topic));

    broker.say({ type: 'closeProducer', command: { producerId: 1, requestId: 8 } });
    assert.equal((await broker.hear('success')).command.requestId, 8);
    broker.say({ type: 'unsubscribe', command: { consumerId: 2, requestId: 9 } });
    assert.equal((await broker.hear('success')).command.requestId, 9);
  });

  for (const [name, startMessageId, messages] of [
    ['earliest', earliestMessageId, 1],
    ['latest', latestMessageId, 0],
  ] as const) {
    test(`takes the id of ${name} as the start of a non-durable subscription`, async () => {
      const ids = { consumerId: 10 + messages, requestId: 20 };
      const subscription = `reader-${name}`;
      broker.say({
        type: 'subscribe',
        command: { topic, subscription, subType: subType.exclusive, ...ids, durable: false, startMessageId },
      });
      await broker.hear('success');
      broker.say({ type: 'flow', command: { consumerId: ids.consumerId, messagePermits: 1 } });
      if (messages > 0) assert.equal((await broker.hear('message')).command.messageId.entryId, 0n);
      // The answer comes behind what the flow let through: without a message it is the next frame.
      broker.say({ type: 'closeConsumer', command: ids });
      assert.equal((await broker.hear('success')).command.requestId, 20);
    });
  }

  test('refuses what it does not have, with an error that has a name', async () => {
    broker.say({ type: 'unsubscribe', command: { consumerId: 99, requestId: 30 } });
    const { requestId, error, message } = (await broker.hear('error')).command;
    assert.equal(requestId, 30);
    assert.equal(error, serverError.MetadataError, message);
  });

  test('refuses an entry whose checksum is wrong', async () => {
    broker.say({ type: 'producer', command: { topic, producerId: 3, requestId: 31 } });
    const { producerName } = (await broker.hear('producerSuccess')).command;
    broker.sendDamaged(3, producerName);
    const { producerId, sequenceId, error } = (await broker.hear('sendError')).command;
    assert.deepEqual([producerId, sequenceId, error], [3, 0, serverError.ChecksumError]);
  });
});

async function publishBatch(broker: Conversation, texts: readonly string[]): Promise<bigint> {
  const batch = new ByteWriter();
  for (const [index, text] of texts.entries()) {
    const payload = Buffer.from(text);
    appendToBatch(batch, { partitionKey: `key-${index}`, sequenceId: index, payloadSize: payload.length }, payload);
  }
  const last = texts.length - 1;
  broker.send(
    { type: 'send', command: { producerId: 1, sequenceId: 0, numMessages: texts.length, highestSequenceId: last } },
    {
      producerName: 'wire-1',
      sequenceId: 0,
      publishTime: Date.now(),
      numMessagesInBatch: texts.length,
      highestSequenceId: last,
      uncompressedSize: batch.length,
    },
    batch.view(),
  );
  const receipt = (await broker.hear('sendReceipt')).command;
  assert.deepEqual([receipt.producerId, receipt.sequenceId, receipt.highestSequenceId], [1, 0, last]);
  const { messageId } = receipt;
  assert.ok(messageId !== undefined);
  return messageId.entryId;
}

function textsOf(payload: Buffer, count: number): string[] {
  const cursor = new BatchCursor();
  cursor.reset(payload, count);
  const texts: string[] = [];
  while (cursor.next()) {
    const key = payload.toString('utf8', cursor.keyStart, cursor.keyEnd);
    texts.push(`${key}=${payload.toString('utf8', cursor.dataStart, cursor.dataEnd)}`);
  }
  return texts;
}
