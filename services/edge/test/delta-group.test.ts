import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deltaProperty } from '@pharos/bus';
import type { LaneFeed } from '../src/outbound/lane-feed.ts';
import { LiveChannel } from '../src/outbound/live-channel.ts';
import { plainShape } from '../src/outbound/subscriber.ts';
import { cursorAt, FakeSubscriber } from './support/fakes.ts';
import { type TestOutbound, testOutbound } from './support/feeds.ts';

const shape = { ...plainShape, delta: true };
const whole = (mark: string): string => JSON.stringify(`${mark}${'x'.repeat(100)}`);

function add({ flusher }: TestOutbound, channel: LiveChannel, data: string): void {
  const cursor = cursorAt({ key: channel.name, data, properties: { [deltaProperty]: '' } });
  flusher.add(channel, cursor, 0);
  // The entry's bytes are somebody else's afterwards.
  cursor.buffer.fill(0);
}

/** Topics, and whether each publication went out as a delta. */
function sent({ server }: TestOutbound): [string, boolean[]][] {
  return server.published
    .splice(0)
    .map(({ topic, text }) => [topic, text.split('\n').map((line) => line.includes('"delta":true'))]);
}

function setting(t: Parameters<typeof testOutbound>[0]): { outbound: TestOutbound; channel: LiveChannel } {
  return { outbound: testOutbound(t), channel: new LiveChannel('a', undefined as unknown as LaneFeed, 1) };
}

describe('subscribers that take deltas', () => {
  test('newcomers have a topic of their own until they were sent something, and change over in that turn', (t) => {
    const { outbound, channel } = setting(t);
    const [first, second] = [new FakeSubscriber(), new FakeSubscriber()];
    channel.add(first, false, shape);
    assert.deepEqual([...first.topics], ['jdn:a']);
    add(outbound, channel, whole('1'));
    add(outbound, channel, whole('2'));
    outbound.flusher.flush(channel);
    assert.deepEqual(sent(outbound), [['jdn:a', [false, false]]]);
    assert.deepEqual([...first.topics], ['jd:a']);
    const late = channel.add(second, false, shape);
    add(outbound, channel, whole('3'));
    add(outbound, channel, whole('4'));
    outbound.flusher.flush(channel);
    assert.deepEqual(sent(outbound), [
      ['jd:a', [true, true]],
      ['jdn:a', [false, false]],
    ]);
    assert.deepEqual([...second.topics], ['jd:a']);
    channel.remove(late);
    assert.deepEqual([[...second.topics], channel.groups.length], [[], 1]);
  });

  test('who leaves before the first publication leaves nothing behind', (t) => {
    const { channel } = setting(t);
    const subscriber = new FakeSubscriber('protobuf');
    const subscription = channel.add(subscriber, false, shape);
    assert.deepEqual([...subscriber.topics], ['pdn:a']);
    assert.ok(channel.remove(subscription));
    assert.deepEqual([subscriber.topics.size, channel.groups.length], [0, 0]);
  });

  test('a large one goes out whole, and so does the next', (t) => {
    const { outbound, channel } = setting(t);
    channel.add(new FakeSubscriber(), false, shape);
    const large = JSON.stringify('x'.repeat(300_000));
    for (const data of [whole('1'), whole('2'), large, whole('3'), whole('4')]) {
      add(outbound, channel, data);
      outbound.flusher.flush(channel);
    }
    assert.deepEqual(
      sent(outbound).map(([, deltas]) => deltas),
      [[false], [true], [false], [false], [true]],
    );
  });
});
