import { ByteWriter, javaStringHash } from '@pharos/bytes';
import { type Entry, EntryCursor, MessageId } from '@pharos/pulsar-client';

import type { Figure, FigureContext, FigureOutcome } from '../frame/figure.ts';
import { measurePairs, type Work } from '../frame/in-process.ts';

const messages = 1000;
const payloadBytes = 128;
const channels = 200;
/** One channel in a hundred has a subscriber here. */
const oneIn = 100;
const reach = 8;

/** Looking at the messages of a batch, nearly all of which are for other edges. */
export const p9: Figure = {
  id: 'P9',
  title: 'scan of a foreign message ÷ reading the offsets of its batch only',
  measure: async (context) => measureP9(context, context.quick ? 100 : 500),
};

export function measureP9(context: FigureContext, windowMs: number): FigureOutcome {
  const payload = batch();
  const figure = {
    id: 'P9',
    what: `CPU for each message of a batch of ${messages} × ${payloadBytes} B, its key hashed and looked up, 1 % of interest`,
    reach,
  };
  return {
    results: [measurePairs(context, figure, { pharos: scan(payload), floor: offsetsOnly(payload) }, windowMs)],
    skipped: [],
  };
}

function channelOf(message: number): string {
  return `chat:room-${message % channels}`;
}

/** Each message as producers write it: `[size][key, payload size, sequence id][payload]`. */
function batch(): Buffer {
  const writer = new ByteWriter();
  for (let message = 0; message < messages; message++) {
    const key = channelOf(message);
    const sizeAt = writer.reserve(4);
    writer.uint8(0x12).varint(key.length).utf8(key).uint8(0x18).varint(payloadBytes).uint8(0x40).varint(message);
    writer.uint32At(sizeAt, writer.length - sizeAt - 4);
    writer.bytes(Buffer.alloc(payloadBytes, message));
  }
  return writer.copy();
}

/** What an edge does with every message: its key's hash is looked up, and where it is known the key compared. */
function scan(payload: Buffer): Work {
  const cursor = new EntryCursor();
  const interest = new Map<number, Buffer>();
  for (let channel = 0; channel < channels; channel += oneIn) {
    interest.set(javaStringHash(channelOf(channel)), Buffer.from(channelOf(channel)));
  }
  const entry: Entry = {
    messageId: new MessageId(1n, 1n),
    metadata: { producerName: 'bench', sequenceId: 0, publishTime: 0, numMessagesInBatch: messages },
    batch: true,
    count: messages,
    payload,
    session: 1,
    redeliveryCount: 0,
  };
  return () => {
    let wanted = 0;
    cursor.set(entry);
    while (cursor.next()) {
      const key = interest.get(cursor.keyHash(0));
      if (key !== undefined && cursor.keyEquals(key)) wanted++;
    }
    return { units: messages, right: wanted === messages / oneIn };
  };
}

/** The least that finds every message: sizes, and the payload's out of metadata whose layout is known. */
function offsetsOnly(payload: Buffer): Work {
  return () => {
    let position = 0;
    let found = 0;
    let bytes = 0;
    while (position < payload.length) {
      const metadataBytes = payload.readUInt32BE(position);
      const keyBytes = payload[position + 5] as number;
      // 128 takes two bytes as a varint.
      const sizeAt = position + 6 + keyBytes + 1;
      const size = ((payload[sizeAt] as number) & 0x7f) | ((payload[sizeAt + 1] as number) << 7);
      position += 4 + metadataBytes + size;
      bytes += size;
      found++;
    }
    return { units: found, right: found === messages && bytes === messages * payloadBytes };
  };
}
