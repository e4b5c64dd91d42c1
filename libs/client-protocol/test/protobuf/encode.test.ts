import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteWriter } from '@pharos/bytes';
import { type Push, protobufCodec, type Reply } from '@pharos/client-protocol';
import fc from 'fast-check';
import { messagesByProtobufjs, pushes, replies, wirePush, wireReply } from './protocol.ts';

const hex = (frame: Buffer): string => frame.toString('hex');

describe('protobufjs reads what was written', () => {
  for (const [method, reply] of replies) {
    test(`reply ${method}`, () => {
      fc.assert(
        fc.property(reply, (value) => {
          assert.deepEqual(messagesByProtobufjs('Reply', protobufCodec.encodeReply(value)), [wireReply(value)]);
        }),
        { numRuns: 200 },
      );
    });
  }

  for (const [kind, push] of pushes) {
    test(`push ${kind}`, () => {
      fc.assert(
        fc.property(push, (value) => {
          assert.deepEqual(messagesByProtobufjs('Reply', protobufCodec.encodePush(value)), [wirePush(value)]);
        }),
        { numRuns: 200 },
      );
    });
  }

  test('replies and pushes in one frame', () => {
    const either = fc.oneof(...replies.values(), ...pushes.values());
    const frame = new ByteWriter(1);
    fc.assert(
      fc.property(fc.array(either, { maxLength: 6 }), (values) => {
        frame.reset();
        for (const value of values) {
          if ('method' in value) protobufCodec.appendReply(frame, value);
          else protobufCodec.appendPush(frame, value);
        }
        const expected = values.map((value) => ('method' in value ? wireReply(value) : wirePush(value)));
        assert.deepEqual(messagesByProtobufjs('Reply', frame.view()), expected);
      }),
      { numRuns: 200 },
    );
  });
});

describe('golden frames', () => {
  test('replies', () => {
    const golden: readonly (readonly [Reply, string])[] = [
      [{ method: 'ping', id: 3, result: {} }, '04 08 03 6200'],
      [{ method: 'publish', id: 300, result: {} }, '05 08ac02 4200'],
      [
        { method: 'error', id: 1, error: { code: 100, message: 'no', temporary: true } },
        '0c 0801 12 08 0864 1202 6e6f 1801',
      ],
      [
        {
          method: 'subscribe',
          id: 2,
          result: {
            recoverable: true,
            epoch: 'e',
            publications: [{ data: Buffer.from('hi'), offset: 9 }],
            recovered: true,
            offset: 9,
            positioned: true,
            wasRecovering: true,
          },
        },
        '19 0802 32 15 1801 320165 3a06 22026869 3009 4001 4809 5001 6001',
      ],
    ];
    for (const [reply, frame] of golden) {
      assert.equal(hex(protobufCodec.encodeReply(reply)), frame.replaceAll(' ', ''));
    }
    assert.equal(hex(protobufCodec.serverPing), '00');
  });

  test('pushes', () => {
    const golden: readonly (readonly [Push, string])[] = [
      [
        { kind: 'pub', channel: 'c', publication: { data: Buffer.from([0xff]), tags: new Map([['k', '']]) } },
        '11 22 0f 120163 22 0a 2201ff 3a05 0a016b1200',
      ],
      [
        { kind: 'unsubscribe', channel: 'c', unsubscribe: { code: 2500, reason: 'x' } },
        '0d 22 0b 120163 3a 06 10c413 1a0178',
      ],
      [{ kind: 'disconnect', disconnect: { code: 3001, reason: '', reconnect: true } }, '09 22 07 5a 05 08b917 1801'],
      [
        { kind: 'connect', connect: { client: 'a', data: Buffer.from('d'), expires: true, ttlSeconds: 5 } },
        '0e 22 0c 52 0a 0a0161 1a0164 2801 3005',
      ],
    ];
    for (const [push, frame] of golden) assert.equal(hex(protobufCodec.encodePush(push)), frame.replaceAll(' ', ''));
  });
});

test('a number that the field has no form for is refused, not bent', () => {
  for (const offset of [-1, 0.5, 2 ** 53, Number.NaN]) {
    assert.throws(() => protobufCodec.encodeReply({ method: 'history', id: 1, result: { offset } }), RangeError);
  }
});
