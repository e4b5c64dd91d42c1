import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { javaStringHash } from '@pharos/bytes';
import { type Encoding, jsonCodec, protobufCodec } from '@pharos/client-protocol';
import { LaneRing, type RingChannel } from '../src/outbound/lane-ring.ts';
import { recover, type Recovery } from '../src/outbound/recovery.ts';
import { RingBudget } from '../src/outbound/ring-budget.ts';
import { fakeEntry, type FakeMessage, hashesOf } from './support/fakes.ts';

const channel: RingChannel = { name: 'a', key: Buffer.from('a'), keyHash: javaStringHash('a') };

function recovered(encoding: Encoding, message: FakeMessage, count: number, maxBytes: number): Recovery {
  const limits = { maxBytes: 100_000_000, maxAgeMs: 60_000 };
  const ring = new LaneRing(limits, new RingBudget(limits.maxBytes));
  ring.restart(0);
  for (let offset = 1; offset <= count; offset++) {
    const entry = fakeEntry([{ key: 'a', ...message }], offset, Date.now());
    ring.add(entry, hashesOf(entry), 0);
  }
  const lane = { epoch: 'e', head: count, ring };
  return recover(channel, { offset: 0, epoch: 'e' }, lane, {
    encoding,
    maxPublications: 100_000,
    maxAgeMs: 60_000,
    maxBytes,
    roomBytes: Infinity,
  });
}

describe('what a resume may bring', () => {
  const kinds: Record<string, FakeMessage> = {
    'many small ones': { data: '1' },
    'with tags': { properties: { where: '"'.repeat(5_000), what: 'é'.repeat(100) } },
    'of a publisher with a long name': { properties: { 'pharos-user': '\u0001'.repeat(1_000), 'pharos-client': 'x' } },
    'of a publisher with much about it': {
      properties: {
        'pharos-user': 'ann',
        'pharos-info': JSON.stringify('x'.repeat(2_000)),
        'pharos-channel-info': '"'.repeat(500),
      },
    },
    'that are text': { data: '"'.repeat(3_000) },
  };
  for (const [kind, message] of Object.entries(kinds)) {
    for (const { encoding, encodeReply } of [jsonCodec, protobufCodec]) {
      test(`is bounded as it travels in ${encoding}: ${kind}`, () => {
        const all = recovered(encoding, message, 200, Infinity);
        assert.ok(all.kind === 'recovered');
        const reply = encodeReply({ method: 'subscribe', id: 1, result: { publications: all.publications } });
        // The bytes of the answer itself are few.
        assert.deepEqual(recovered(encoding, message, 200, reply.length - 100), {
          kind: 'unrecoverable',
          reason: 'limit',
        });
        assert.equal(recovered(encoding, message, 200, reply.length * 1.1 + 200 * 100).kind, 'recovered');
      });
    }
  }
});
