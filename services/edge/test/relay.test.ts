import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FramedSocket } from '../src/accept/framed-socket.ts';
import { jsonEvents, jsonLines, pushFrames, pushLines } from '../src/accept/framing.ts';
import { type Framing, Relay } from '../src/outbound/relay.ts';

interface Written {
  readonly socket: FramedSocket<string>;
  readonly parts: string[];
  readonly ends: string[];
  readonly closes: number[];
}

function connection(relay: Relay, framing: Framing): Written {
  const [parts, ends, closes]: [string[], string[], number[]] = [[], [], []];
  const socket = new FramedSocket<string>({
    data: 'mine',
    framing,
    relay,
    pipe: {
      remoteAddress: '::1',
      write: (frame) => parts.push(frame.toString()),
      bufferedAmount: () => parts.length,
      end: (code) => ends.push(`ended ${code}`),
      drop: () => ends.push('dropped'),
    },
    farewell: (code) => Buffer.from(`{"push":{"disconnect":${code}}}`),
    onClosed: (code) => closes.push(code),
  });
  return { socket, parts, ends, closes };
}

const push = (name: string): string => `{"push":{"n":"${name}"}}`;

describe('connections beside the native publish', () => {
  test('get what is published to their topics in their own form, made once for all of a form', () => {
    const native: string[] = [];
    const relay = new Relay({ publish: (topic, message) => void native.push(`${topic} ${message.toString()}`) });
    let made = 0;
    const counted: Framing = { frames: (message) => (made++, jsonLines.frames(message)) };
    const [one, two, three, four] = [counted, jsonEvents, counted, pushFrames].map((framing) =>
      connection(relay, framing),
    );
    for (const each of [one, two, three, four]) each?.socket.subscribe('a');
    one?.socket.subscribe('b');
    const frame = `${push('x')}\n${push('y')}`;
    relay.publish('a', Buffer.from(frame), false);
    relay.publish('b', Buffer.from(push('z')), false);
    relay.publish('nobody', Buffer.from('{}'), false);
    assert.deepEqual(native, [`a ${frame}`, `b ${push('z')}`, 'nobody {}']);
    assert.deepEqual(one?.parts, [`${frame}\n`, `${push('z')}\n`]);
    assert.deepEqual(three?.parts, [`${frame}\n`]);
    assert.deepEqual(two?.parts, [`data: ${push('x')}\n\ndata: ${push('y')}\n\n`]);
    assert.deepEqual(four?.parts, ['{"n":"x"}', '{"n":"y"}']);
    assert.equal(made, 2);
  });

  test('get one event for each message, whatever space is between its tokens', () => {
    // JSON that a token or the server API brought.
    const [frame] = jsonEvents.frames(Buffer.from('{"push":{"data":\r[1,\r2]}}'));
    assert.equal(frame?.toString(), 'data: {"push":{"data": [1, 2]}}\n\n');
  });

  test('say why they end, once, and get nothing more', () => {
    const relay = new Relay({ publish: () => undefined });
    const { socket, parts, ends, closes } = connection(relay, pushLines);
    assert.equal(socket.subscribe('a'), true);
    socket.send('{}');
    socket.end(3001, 'shutdown');
    socket.end(3008, 'slow');
    socket.terminate();
    socket.finish(1006);
    relay.publish('a', Buffer.from(push('late')), false);
    assert.deepEqual(parts, ['{}\n', '{"disconnect":3001}\n']);
    assert.deepEqual([ends, closes], [['ended 3001'], [3001]]);
    assert.deepEqual(
      [socket.closed, socket.send('x'), socket.subscribe('a'), socket.unsubscribe('a'), socket.bufferedAmount()],
      [true, false, false, false, 0],
    );
    assert.equal(relay.topicCount, 0);
    socket.cork(() => assert.fail('a closed connection corks nothing'));
    const dropped = connection(relay, pushLines);
    dropped.socket.terminate();
    assert.deepEqual([dropped.parts, dropped.ends, dropped.closes], [[], ['dropped'], [1006]]);
  });
});
