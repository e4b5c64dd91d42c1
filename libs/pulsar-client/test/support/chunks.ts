// Messages in chunks, as the Java client publishes them.
import type { TestContext } from 'node:test';
import { ByteWriter } from '@pharos/bytes';
import { Deferred } from '@pharos/lifecycle';
import { ClientCore } from '../../src/client-core.ts';
import { clientSettings } from '../../src/client-settings.ts';
import type { Connection } from '../../src/connection/connection.ts';
import { MessageId } from '../../src/message-id.ts';
import { encodePayloadFrame, type MessageMetadata } from '../../src/wire/index.ts';

/** One chunk of a message: what an entry has. */
export interface Chunk {
  readonly payload: Buffer;
  readonly metadata: Partial<MessageMetadata>;
}

/** A message cut into so many chunks. */
export function chunksOf(uuid: string, data: Buffer, chunks: number, metadata: Partial<MessageMetadata> = {}): Chunk[] {
  const size = Math.ceil(data.length / chunks);
  return Array.from({ length: chunks }, (_, chunkId) => ({
    payload: data.subarray(chunkId * size, (chunkId + 1) * size),
    metadata: { uuid, numChunksFromMsg: chunks, totalChunkMsgSize: data.length, chunkId, ...metadata },
  }));
}

/** Publishes entries as they are given: to a real broker, past everything that a producer does. */
export class RawProducer {
  readonly #connection: Connection;
  readonly #receipts = new Map<number, Deferred<MessageId>>();
  #sequenceId = 0;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  static async open(t: TestContext, serviceUrl: string, topic: string): Promise<RawProducer> {
    const core = new ClientCore(clientSettings({ serviceUrl }));
    t.after(() => core.close(undefined));
    const connection = await core.connectionFor(topic);
    const producer = new RawProducer(connection);
    const ignore = (): void => undefined;
    connection.addProducer(1, {
      receipt: ({ sequenceId, messageId }) =>
        producer.#receipts.get(sequenceId)?.resolve(MessageId.of(messageId ?? { ledgerId: -1n, entryId: -1n })),
      sendError: ({ sequenceId, message }) => producer.#receipts.get(sequenceId)?.reject(new Error(message)),
      writable: ignore,
      moved: ignore,
      detached: ignore,
    });
    await connection.request('producerSuccess', 'a raw producer', (requestId) => ({
      type: 'producer',
      command: { topic, producerId: 1, requestId },
    }));
    return producer;
  }

  async send({ payload, metadata }: Chunk): Promise<MessageId> {
    const sequenceId = this.#sequenceId++;
    const writer = new ByteWriter();
    const whole = { producerName: 'raw', sequenceId, publishTime: Date.now(), ...metadata };
    encodePayloadFrame(writer, { type: 'send', command: { producerId: 1, sequenceId } }, whole, payload);
    const receipt = new Deferred<MessageId>();
    this.#receipts.set(sequenceId, receipt);
    this.#connection.write(writer.copy());
    return receipt.promise;
  }

  async sendAll(chunks: readonly Chunk[]): Promise<MessageId[]> {
    return Promise.all(chunks.map((chunk) => this.send(chunk)));
  }
}
