import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtobufPublicationFrameBuilder, protobufCodec, protobufPublicationPrefix } from '@pharos/client-protocol';
import fc from 'fast-check';
import { bytes, clientInfo, integer, messagesByProtobufjs, tags, text, wireObject } from './protocol.ts';

describe('ProtobufPublicationFrameBuilder', () => {
  test('golden frames', () => {
    const hex = (): string => frames.view().toString('hex');
    const frames = new ProtobufPublicationFrameBuilder(1);
    frames.append(protobufPublicationPrefix({ channel: 'chat' }), Buffer.from('"hi"'), 0, 0);
    const first = '10220e1204636861742206220422686922';
    assert.equal(hex(), first);
    frames.append(
      protobufPublicationPrefix({ channel: 'chat', id: 300 }),
      Buffer.from([0, 0xff]),
      1_000_000_000,
      1_700_000_000_123,
      { user: '', client: 'u1' },
      new Map([['a', 'b']]),
    );
    const second =
      '262224' +
      '08ac02' +
      '221f' +
      '220200ff' +
      '2a0412027531' +
      '308094ebdc03' +
      '3a060a0161120162' +
      '48fbd095ffbc31';
    assert.equal(hex(), first + second);
    assert.deepEqual([frames.count, frames.length], [2, frames.view().length]);
    assert.deepEqual([frames.reset().count, frames.length], [0, 0]);
    frames.append(protobufPublicationPrefix({ channel: '' }), Buffer.alloc(0), 0, 0);
    assert.equal(hex(), '0422022200');
    frames.appendMessage(protobufCodec.encodePush({ kind: 'leave', channel: 'c', info: { user: '', client: 'u' } }));
    assert.equal(hex(), '0422022200' + '0c220a' + '120163' + '3205' + '0a03120175');
    assert.equal(frames.count, 2);
  });

  test('builds what encodePush builds, whatever the values', () => {
    const info = fc.option(clientInfo, { nil: undefined });
    const frames = new ProtobufPublicationFrameBuilder();
    fc.assert(
      fc.property(text, bytes, integer, integer, info, tags, (channel, data, offset, timeMs, publisher, map) => {
        frames.reset().append(protobufPublicationPrefix({ channel }), data, offset, timeMs, publisher, map);
        const publication = { data, info: publisher, offset, tags: map, timeMs };
        const push = protobufCodec.encodePush({ kind: 'pub', channel, publication });
        assert.equal(frames.view().toString('hex'), push.toString('hex'));
      }),
      { numRuns: 1000 },
    );
  });

  test('several publications in one frame are read one by one, whatever their bytes', () => {
    const frames = new ProtobufPublicationFrameBuilder(16);
    fc.assert(
      fc.property(fc.array(fc.tuple(bytes, integer), { minLength: 1, maxLength: 8 }), text, (publications, channel) => {
        frames.reset();
        const prefix = protobufPublicationPrefix({ channel });
        for (const [data, offset] of publications) frames.append(prefix, data, offset, 0);
        const expected = publications.map(([data, offset]) => ({
          push: { ...wireObject({ channel }), pub: wireObject({ data, offset }) },
        }));
        assert.deepEqual(messagesByProtobufjs('Reply', frames.view()), expected);
      }),
      { numRuns: 300 },
    );
  });
});
