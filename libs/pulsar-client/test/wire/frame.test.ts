import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteWriter } from '@pharos/bytes';
import fc from 'fast-check';
import { encodeBrokerEntry, encodeEntry, encodeFrame, encodePayloadFrame, FrameParser } from '../../src/wire/index.ts';
import type { Frame, KnownCommand } from '../../src/wire/index.ts';
import { present } from './protocol.ts';

const ping: KnownCommand = { type: 'ping', command: {} };
const message: KnownCommand = {
  type: 'message',
  command: { consumerId: 3, messageId: { ledgerId: 7n, entryId: 300n } },
};
const metadata = { producerName: 'p', sequenceId: 1, publishTime: 2 };

function frameOf(write: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter(8);
  write(writer);
  return writer.copy();
}

const pingFrame = frameOf((writer) => encodeFrame(writer, ping));
const messageFrame = frameOf((writer) => encodePayloadFrame(writer, message, metadata, Buffer.from('hello')));

function all(parser: FrameParser): unknown[] {
  const frames: unknown[] = [];
  for (let frame = parser.next(); frame !== undefined; frame = parser.next()) frames.push(withoutViews(frame));
  return frames;
}

function withoutViews(frame: Frame): unknown {
  return { command: present(frame.command), entry: frame.entry?.toString('hex') };
}

function whole(stream: Buffer): unknown[] {
  const parser = new FrameParser();
  parser.push(stream);
  return all(parser);
}

describe('golden frames', () => {
  // Put together by hand from the protocol's description; the checksum by the CRC32C of RFC 3720.
  test('PING: sizes, type 18, an empty field 18', () => {
    assert.equal(pingFrame.toString('hex'), '00000009' + '00000005' + '0812' + '920100');
  });

  test('CONNECT with feature flags', () => {
    const connect: KnownCommand = {
      type: 'connect',
      command: { clientVersion: 'x', protocolVersion: 20, featureFlags: { supportsBrokerEntryMetadata: true } },
    };
    const body = '0a0178' + '2014' + '5202' + '1001';
    assert.equal(
      frameOf((writer) => encodeFrame(writer, connect)).toString('hex'),
      '00000011' + '0000000d' + '0802' + '1209' + body,
    );
  });

  test('MESSAGE with checksum, metadata and payload', () => {
    const command = '0809' + '4a09' + '0803' + '1205' + '0807' + '10ac02';
    const meta = '0a0170' + '1001' + '1802';
    const covered = '00000007' + meta + Buffer.from('hello').toString('hex');
    assert.equal(messageFrame.toString('hex'), '00000027' + '0000000d' + command + '0e01' + 'ef4d86f1' + covered);
  });
});

describe('the frame parser', () => {
  const stream = Buffer.concat([pingFrame, messageFrame, pingFrame, pingFrame, messageFrame]);
  const expected = whole(stream);

  test('finds every frame of a stream in one chunk', () => {
    assert.equal(expected.length, 5);
    assert.deepEqual(expected[0], { command: ping, entry: undefined });
    assert.deepEqual(expected[1], { command: message, entry: messageFrame.subarray(8 + 13).toString('hex') });
  });

  test('finds the same frames wherever the stream is split in two', () => {
    for (let split = 0; split <= stream.length; split++) {
      const parser = new FrameParser();
      parser.push(stream.subarray(0, split));
      const frames = all(parser);
      parser.push(stream.subarray(split));
      assert.deepEqual([...frames, ...all(parser)], expected, `split at ${split}`);
    }
  });

  test('finds the same frames byte by byte, and no sooner than they are whole', () => {
    const parser = new FrameParser();
    let consumed = 0;
    const ends: number[] = [];
    for (const byte of stream) {
      parser.push(Buffer.from([byte]));
      consumed++;
      for (const _ of all(parser)) ends.push(consumed);
    }
    const lengths = [pingFrame, messageFrame, pingFrame, pingFrame, messageFrame].map((frame) => frame.length);
    assert.deepEqual(
      ends,
      lengths.map((_, index) => lengths.slice(0, index + 1).reduce((sum, length) => sum + length, 0)),
    );
  });

  test('finds the same frames however the stream is cut, taken late or at once', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 40 }), fc.boolean())), (cuts) => {
        const parser = new FrameParser();
        const frames: unknown[] = [];
        let position = 0;
        for (const [length, take] of cuts) {
          parser.push(stream.subarray(position, position + length));
          position += length;
          if (take) frames.push(...all(parser));
        }
        parser.push(stream.subarray(position));
        assert.deepEqual([...frames, ...all(parser)], expected);
      }),
    );
  });

  test('gives views where a frame lies within one chunk', () => {
    const parser = new FrameParser();
    const chunk = Buffer.from(messageFrame);
    parser.push(chunk);
    const frame = parser.next();
    assert.equal(frame?.entry?.buffer, chunk.buffer);
    chunk[chunk.length - 1] = 0x21;
    assert.equal(frame.entry.at(-1), 0x21);
  });

  const refused: ReadonlyArray<[what: string, hex: string, code: string, text: RegExp]> = [
    ['a frame above the maximum', '00502801', 'frame_too_large', /frame of 5253121 bytes, at most 5253120 expected/],
    ['a negative size', 'ffffffff', 'frame_too_large', /frame of 4294967295 bytes/],
    ['HTTP', Buffer.from('HTTP/1.1 400').toString('hex'), 'frame_too_large', /frame of 1213486160 bytes/],
    ['a frame too short for a command size', '00000003000000', 'malformed', /frame of 3 bytes, at least 4 expected/],
    [
      'a command longer than its frame',
      '0000000500000002' + '08',
      'malformed',
      /command of 2 bytes in a frame that has 1 left/,
    ],
    ['a negative command size', '00000005ffffffff' + '08', 'malformed', /command of 4294967295 bytes/],
    ['a frame without a command', '0000000400000000', 'missing_field', /BaseCommand\.type is absent/],
    ['a truncated command', '0000000600000002' + '0880', 'malformed', /malformed command: needs 1 bytes, has 0/],
  ];
  for (const [what, hex, code, text] of refused) {
    test(`refuses ${what}, and goes on refusing`, () => {
      const parser = new FrameParser();
      parser.push(Buffer.from(hex, 'hex'));
      assert.throws(() => parser.next(), { name: 'WireError', code, message: text });
      parser.push(pingFrame);
      assert.throws(() => parser.next(), { name: 'WireError', code });
    });
  }

  test('refuses an oversized frame before its bytes come', () => {
    const parser = new FrameParser({ maxMessageBytes: 100 });
    parser.push(Buffer.from('00002865', 'hex'));
    assert.throws(() => parser.next(), { code: 'frame_too_large', message: /10341 bytes, at most 10340/ });
  });

  test("takes over the broker's maximum", () => {
    const parser = new FrameParser({ maxMessageBytes: 100 });
    parser.setMaxMessageBytes(1 << 20);
    const big = frameOf((writer) => encodePayloadFrame(writer, message, metadata, Buffer.alloc(1 << 20)));
    parser.push(big.subarray(0, 1000));
    assert.equal(parser.next(), undefined);
    parser.push(big.subarray(1000));
    assert.equal(parser.next()?.entry?.length, big.length - 21);
  });

  test('writes frames behind each other into one writer', () => {
    const writer = new ByteWriter(8);
    encodeFrame(writer, ping);
    encodePayloadFrame(writer, message, metadata, Buffer.from('hello'));
    assert.deepEqual(writer.copy(), Buffer.concat([pingFrame, messageFrame]));
  });
});

test('a frame of the broker holds its entry metadata ahead of the entry', () => {
  const writer = new ByteWriter();
  encodeBrokerEntry(writer, { brokerTimestamp: 5, index: 9 });
  const head = writer.length;
  encodeEntry(writer, metadata, Buffer.from('hello'));
  assert.equal(writer.view().subarray(0, head).toString('hex'), '0e02' + '00000004' + '0805' + '1009');
  assert.deepEqual(writer.view().subarray(head), messageFrame.subarray(21));
});
