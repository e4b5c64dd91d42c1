import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LiveChannel } from '../src/outbound/live-channel.ts';
import type { LaneFeed } from '../src/outbound/lane-feed.ts';
import type { Variant } from '../src/outbound/subscriber.ts';
import { cursorAt, FakeSubscriber } from './support/fakes.ts';
import { type TestOutbound, testOutbound } from './support/feeds.ts';

function channel(name: string, ...variants: Variant[]): LiveChannel {
  const made = new LiveChannel(name, undefined as unknown as LaneFeed, 7);
  for (const variant of variants) made.add(new FakeSubscriber(variant), false);
  return made;
}

function add({ flusher }: TestOutbound, to: LiveChannel, ...data: string[]): void {
  for (const each of data) flusher.add(to, cursorAt({ key: to.name, data: each }), 0);
}

/** The data of each publication, frame by frame. */
function frames({ server }: TestOutbound): { topic: string; data: unknown[] }[] {
  return server.published
    .filter(({ topic }) => topic.startsWith('j:'))
    .map(({ topic, text }) => ({
      topic,
      data: text.split('\n').map((line) => (JSON.parse(line) as { push: { pub: { data: unknown } } }).push.pub.data),
    }));
}

/** A push of one publication at offset 1 without anything else but its data, in hexadecimal digits. */
function pushOf(name: string, data: string): string {
  const field = (tag: string, content: string): string => `${tag}${hexByte(content.length / 2)}${content}`;
  const body = field('12', Buffer.from(name).toString('hex')) + field('22', `${field('22', data)}3001`);
  return field('', field('22', body));
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}

describe('packing publications into frames', () => {
  test('what one turn brings goes out as one frame a channel, at its end', (t) => {
    const outbound = testOutbound(t);
    const [a, b] = [channel('a', 'json'), channel('b', 'json')];
    add(outbound, a, '1', '2');
    add(outbound, b, '"x"');
    add(outbound, a, '3');
    assert.deepEqual(frames(outbound), []);
    outbound.flusher.turnEnd();
    assert.deepEqual(frames(outbound), [
      { topic: 'j:a', data: [1, 2, 3] },
      { topic: 'j:b', data: ['x'] },
    ]);
    outbound.flusher.turnEnd();
    assert.equal(outbound.server.published.length, 2);
  });

  test('turns that come faster than the window share a frame; the next one after it goes out at once', (t) => {
    let nowMs = 1_000;
    t.mock.method(performance, 'now', () => nowMs);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const outbound = testOutbound(t);
    const a = channel('a', 'json');
    const turn = (data: string): void => {
      add(outbound, a, data);
      outbound.flusher.turnEnd();
    };
    turn('1');
    assert.deepEqual(frames(outbound), [{ topic: 'j:a', data: [1] }]);
    nowMs += 1.9;
    turn('2');
    turn('3');
    assert.equal(frames(outbound).length, 1);
    t.mock.timers.tick(2);
    assert.deepEqual(frames(outbound).slice(1), [{ topic: 'j:a', data: [2, 3] }]);
    nowMs += 2;
    turn('4');
    assert.deepEqual(frames(outbound).slice(2), [{ topic: 'j:a', data: [4] }]);
  });

  test('a channel is flushed by itself when somebody asks, and once', (t) => {
    const outbound = testOutbound(t);
    const [a, b] = [channel('a', 'json'), channel('b', 'json')];
    add(outbound, a, '1');
    add(outbound, b, '2');
    outbound.flusher.flush(a);
    assert.deepEqual(frames(outbound), [{ topic: 'j:a', data: [1] }]);
    outbound.flusher.flush(a);
    outbound.flusher.turnEnd();
    assert.deepEqual(frames(outbound), [
      { topic: 'j:a', data: [1] },
      { topic: 'j:b', data: [2] },
    ]);
  });

  test('a large pack goes out before the turn ends, in order with what follows', (t) => {
    const outbound = testOutbound(t);
    const a = channel('a', 'json');
    const large = JSON.stringify('x'.repeat(40_000));
    add(outbound, a, large, large, '1');
    assert.equal(frames(outbound).length, 1);
    outbound.flusher.turnEnd();
    const sent = frames(outbound);
    assert.deepEqual(
      sent.map(({ data }) => data.length),
      [2, 1],
    );
    assert.deepEqual(sent[1]?.data, [1]);
  });

  test('text goes out one publication a message; each variant only where somebody wants it', async (t) => {
    const outbound = testOutbound(t);
    const [both, text] = [channel('both', 'json', 'text', 'text'), channel('text', 'text')];
    add(outbound, both, '"1"', '"2"');
    add(outbound, text, 'raw');
    outbound.flusher.turnEnd();
    assert.deepEqual(
      outbound.server.published.filter(({ topic }) => topic.startsWith('t:')),
      [
        { topic: 't:both', text: '"1"' },
        { topic: 't:both', text: '"2"' },
        { topic: 't:text', text: 'raw' },
      ],
    );
    assert.deepEqual(frames(outbound), [{ topic: 'j:both', data: ['1', '2'] }]);
    const { values } = await outbound.metrics.deliveries.get();
    const of = (variant: string): number | undefined => values.find(({ labels }) => labels.variant === variant)?.value;
    assert.equal(of('text'), 5);
    assert.equal(of('json'), 2);
  });

  test('each encoding has a frame of its own, made only where somebody wants it', async (t) => {
    const outbound = testOutbound(t);
    const [both, binary] = [channel('both', 'json', 'protobuf', 'protobuf'), channel('binary', 'protobuf')];
    add(outbound, both, '1', 'x');
    add(outbound, binary, '"y"');
    outbound.flusher.addPush(both, { kind: 'leave', channel: 'both', info: { user: '', client: 'u' } });
    outbound.flusher.turnEnd();
    const info = '{"info":{"user":"","client":"u"}}';
    assert.deepEqual(
      outbound.server.published.filter(({ topic }) => !topic.startsWith('j:')),
      [
        {
          topic: 'p:both',
          text: pushOf('both', '31') + pushOf('both', '78') + '0f220d' + '1204626f7468' + '3205' + '0a03120175',
        },
        { topic: 'p:binary', text: pushOf('binary', '227922') },
      ],
    );
    assert.deepEqual(
      outbound.server.published.filter(({ topic }) => topic.startsWith('j:')).map(({ text }) => text.split('\n')[2]),
      [`{"push":{"channel":"both","leave":${info}}}`],
    );
    assert.deepEqual(
      binary.groups.map(({ key, bytes }) => [key, bytes]),
      [['p', 0]],
    );
    const { values } = await outbound.metrics.deliveries.get();
    assert.equal(values.find(({ labels }) => labels.variant === 'protobuf')?.value, 2 * 3 + 1);
  });

  test('builders are used again, and nothing of one frame shows in another', (t) => {
    const outbound = testOutbound(t);
    for (let round = 0; round < 200; round++) {
      const channels = Array.from({ length: 1 + (round % 7) }, (_, index) => channel(`c${index}`, 'json'));
      for (const each of channels) add(outbound, each, JSON.stringify('y'.repeat((round * 37) % 500)), String(round));
      for (const each of channels) outbound.flusher.flush(each);
      for (const { data } of frames(outbound).slice(-channels.length)) {
        assert.deepEqual(data, ['y'.repeat((round * 37) % 500), round]);
      }
    }
  });
});

describe('ending slow readers', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  function slowChannel(...buffered: number[]): { channel: LiveChannel; subscribers: FakeSubscriber[] } {
    const made = channel('slow');
    const subscribers = buffered.map((bytes) => {
      const subscriber = new FakeSubscriber();
      subscriber.buffered = bytes;
      made.add(subscriber, false);
      return subscriber;
    });
    return { channel: made, subscribers };
  }

  test('those over the limit, 20 ms after they were published to, in a turn of its own', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { sweep } = testOutbound(t);
    const { channel, subscribers } = slowChannel(0, 1000, 1001);
    sweep.published(channel, 10);
    sweep.published(channel, 10);
    assert.deepEqual(
      subscribers.map(({ looked }) => looked),
      [0, 0, 0],
    );
    t.mock.timers.tick(19);
    assert.deepEqual(
      subscribers.map(({ looked }) => looked),
      [0, 0, 0],
    );
    t.mock.timers.tick(1);
    assert.deepEqual(
      subscribers.map(({ slow }) => slow),
      [0, 0, 1],
    );
    // Nothing was published since: nobody is looked at.
    t.mock.timers.tick(1_000);
    assert.deepEqual(
      subscribers.map(({ looked }) => looked),
      [1, 1, 1],
    );
  });

  test('a burst is not left alone until the timer', async (t) => {
    // On a busy machine it would fire in the same turn.
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { sweep } = testOutbound(t);
    const { channel, subscribers } = slowChannel(5000);
    sweep.published(channel, 200 * 1024);
    sweep.published(channel, 100 * 1024);
    assert.equal(subscribers[0]?.slow, 0);
    await turn();
    assert.equal(subscribers[0].slow, 1);
  });

  test('one that leaves while it is swept harms nobody, and nothing happens after the stop', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { sweep } = testOutbound(t);
    const { channel, subscribers } = slowChannel(5000, 5000);
    for (const subscription of channel.subscriptions) {
      subscription.subscriber.disconnectSlow = () => {
        (subscription.subscriber as FakeSubscriber).slow++;
        channel.remove(subscription);
      };
    }
    sweep.published(channel, 10);
    t.mock.timers.tick(20);
    assert.deepEqual(
      subscribers.map(({ slow }) => slow),
      [1, 1],
    );
    assert.equal(channel.subscriptions.size, 0);
    const other = slowChannel(5000);
    sweep.published(other.channel, 10);
    sweep.stop();
    sweep.published(other.channel, 10);
    sweep.published(other.channel, 1024 * 1024);
    t.mock.timers.tick(1_000);
    await turn();
    assert.equal(other.subscribers[0]?.looked, 0);
  });
});
