// Whatever the bytes: a decoder answers or throws its own error, never anything else, and never reads outside its window.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteReader, ByteWriter } from '@pharos/bytes';
import fc from 'fast-check';
import {
  BatchCursor,
  decodeBaseCommand,
  decodeEntry,
  deserializeMessageId,
  encodeBaseCommand,
  encodeBrokerEntry,
  encodeEntry,
  encodePayloadFrame,
  appendToBatch,
  FrameParser,
  serializeMessageId,
  WireError,
} from '../../src/wire/index.ts';
import type {
  CommandName,
  KnownCommand,
  MessageMetadata,
  SingleMessageMetadata,
  MessageIdData,
} from '../../src/wire/index.ts';
import { asWireError } from '../../src/wire/errors.ts';
import { fuzzRuns } from '../support/runs.ts';
import { messageCodecs } from './message-codecs.ts';
import { commandNames, commandType, messageType, messageValue, present } from './protocol.ts';

interface Mutation {
  readonly at: number;
  readonly kind: 'set' | 'cut' | 'insert' | 'remove';
  readonly byte: number;
}

const mutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({
    at: fc.nat({ max: 400 }),
    kind: fc.constantFrom('set', 'set', 'set', 'cut', 'insert', 'remove'),
    byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)),
  }),
  { minLength: 1, maxLength: 4 },
);

function mutate(bytes: Buffer, steps: readonly Mutation[]): Buffer {
  let result = Buffer.from(bytes);
  for (const { at, kind, byte } of steps) {
    const position = result.length === 0 ? 0 : at % result.length;
    const before = result.subarray(0, position);
    if (kind === 'cut') result = Buffer.from(before);
    else if (kind === 'insert') result = Buffer.concat([before, Buffer.from([byte]), result.subarray(position)]);
    else if (kind === 'remove') result = Buffer.concat([before, result.subarray(position + 1)]);
    else if (result.length > 0) result[position] = byte;
  }
  return result;
}

function written(write: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter(8);
  write(writer);
  return writer.copy();
}

/** What decoding gave: the value without its views, or the code of its error; anything but a WireError fails the test. */
function outcome(decode: () => unknown): unknown {
  try {
    return present(decode());
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return error.code;
  }
}

/** Decodes twice, the second time with other bytes around: a decoder that looks outside its window answers differently. */
function assertContained(bytes: Buffer, decode: (window: Buffer) => unknown): void {
  const alone = outcome(() => decode(Buffer.from(bytes)));
  const surrounded = Buffer.alloc(bytes.length + 64, 0x01);
  bytes.copy(surrounded, 32);
  assert.deepEqual(
    outcome(() => decode(surrounded.subarray(32, 32 + bytes.length))),
    alone,
  );
}

const commandsOf = (name: CommandName): fc.Arbitrary<KnownCommand> =>
  messageValue(commandType(name)).map((command) => ({ type: name, command }) as unknown as KnownCommand);
const metadatas = messageValue(
  messageType('MessageMetadata'),
) as fc.Arbitrary<unknown> as fc.Arbitrary<MessageMetadata>;
const ids = messageValue(messageType('MessageIdData'), 1) as fc.Arbitrary<unknown> as fc.Arbitrary<MessageIdData>;
const singles = messageValue(
  messageType('SingleMessageMetadata'),
) as fc.Arbitrary<unknown> as fc.Arbitrary<SingleMessageMetadata>;

/** A decoder, and bytes that it takes. */
interface Target {
  readonly valid: fc.Arbitrary<Buffer>;
  readonly decode: (bytes: Buffer) => unknown;
  readonly runs: number;
}

const targets: Readonly<Record<string, Target>> = {
  ...Object.fromEntries(
    commandNames.map((name): [string, Target] => [
      `command ${name}`,
      {
        valid: commandsOf(name).map((command) => written((writer) => encodeBaseCommand(writer, command))),
        decode: (bytes) => decodeBaseCommand(new ByteReader(bytes)),
        runs: 40,
      },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(messageCodecs).map(([name, { encode, decode }]): [string, Target] => [
      name,
      {
        valid: messageValue(messageType(name), 1).map((value) => written((writer) => encode(writer, value as never))),
        decode: (bytes) => asWire(() => decode(new ByteReader(bytes))),
        runs: 40,
      },
    ]),
  ),
  entry: {
    valid: metadatas.map((metadata) =>
      written((writer) => {
        encodeBrokerEntry(writer, { index: 300, brokerTimestamp: 1_700_000_000_000 });
        encodeEntry(writer, metadata, Buffer.from('payload'));
      }),
    ),
    // With the checksum on, a mutated entry would end there.
    decode: (bytes) => decodeEntry(bytes, { verifyChecksum: false }),
    runs: 300,
  },
  batch: {
    valid: fc.array(singles, { minLength: 1, maxLength: 3 }).map((messages) =>
      written((writer) => {
        for (const metadata of messages) appendToBatch(writer, { ...metadata, payloadSize: 5 }, Buffer.from('hello'));
      }),
    ),
    decode: walkBatch,
    runs: 300,
  },
  'message id': { valid: ids.map(serializeMessageId), decode: deserializeMessageId, runs: 300 },
};

/** Decoders of parts leave it to the whole to say what was being read. */
function asWire<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw asWireError(error, 'part');
  }
}

function walkBatch(bytes: Buffer): unknown {
  const cursor = new BatchCursor();
  cursor.reset(bytes, 3);
  const seen: unknown[] = [];
  while (cursor.next()) {
    assert.ok(cursor.metadataStart <= cursor.metadataEnd && cursor.metadataEnd <= cursor.dataStart);
    assert.ok(cursor.dataStart <= cursor.dataEnd && cursor.dataEnd <= bytes.length);
    assert.ok(
      cursor.keyStart === -1 || (cursor.keyStart >= cursor.metadataStart && cursor.keyEnd <= cursor.metadataEnd),
    );
    seen.push([
      cursor.keyStart,
      cursor.keyEnd,
      cursor.dataStart,
      cursor.dataEnd,
      outcome(() => cursor.singleMessageMetadata()),
    ]);
  }
  return seen;
}

for (const [name, { valid, decode, runs }] of Object.entries(targets)) {
  describe(`the decoder of a ${name}`, () => {
    test('holds on random bytes', () => {
      const property = fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) =>
        assertContained(Buffer.from(bytes), decode),
      );
      fc.assert(property, fuzzRuns(runs));
    });

    test('holds on damaged bytes', () => {
      const property = fc.property(valid, mutations, (bytes, steps) => assertContained(mutate(bytes, steps), decode));
      fc.assert(property, fuzzRuns(runs));
    });
  });
}

test('a length of gigabytes takes no memory, wherever it stands', () => {
  const huge = Buffer.from('ffffffff07', 'hex');
  const before = process.memoryUsage().arrayBuffers;
  let worst = 0;
  for (const { valid, decode } of Object.values(targets)) {
    const [bytes = Buffer.alloc(0)] = fc.sample(valid, { numRuns: 1, seed: 1 });
    for (let at = 0; at < bytes.length; at++) {
      outcome(() => decode(Buffer.concat([bytes.subarray(0, at), huge, bytes.subarray(at + 1)])));
      worst = Math.max(worst, process.memoryUsage().arrayBuffers - before);
    }
  }
  assert.ok(worst < 16 * 1024 * 1024, `${worst} bytes`);
});

describe('the frame parser', () => {
  const frames = fc
    .tuple(fc.constantFrom(...commandNames).chain(commandsOf), metadatas)
    .map(([command, metadata]) =>
      written((writer) => encodePayloadFrame(writer, command, metadata, Buffer.from('payload'))),
    );

  function parse(stream: Buffer, chunkBytes: number): unknown {
    const parser = new FrameParser({ maxMessageBytes: 1000 });
    const seen: unknown[] = [];
    const end = outcome(() => {
      for (let position = 0; position < stream.length; position += chunkBytes) {
        parser.push(stream.subarray(position, position + chunkBytes));
        for (let frame = parser.next(); frame !== undefined; frame = parser.next()) seen.push(present(frame));
      }
    });
    return [seen, end];
  }

  test('holds on damaged streams, and finds the same in any chunks', () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 3 }), mutations, fc.nat({ max: 50 }), (stream, steps, chunkBytes) => {
        const damaged = mutate(Buffer.concat(stream), steps);
        assert.deepEqual(parse(damaged, chunkBytes + 1), parse(damaged, damaged.length + 1));
      }),
      fuzzRuns(200),
    );
  });
});
