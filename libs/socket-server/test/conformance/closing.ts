import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SocketServerError, type Socket } from '../../src/index.ts';
import { connect, type MakeServer, startRecording, within } from './harness.ts';

export function closingConformance(make: MakeServer): void {
  test('end sends what is published and sent before it, then the close frame', async (t) => {
    const { server, url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    socket.subscribe('news');
    server.publish('news', 'published', false);
    socket.send('sent', false);
    server.publish('news', 'published again', false);
    socket.end(3008, 'slow');
    assert.deepEqual({ ...(await handler.closed.next()) }, { id: 1, code: 3008, reason: 'slow' });
    assert.deepEqual(await client.messages.take(3), ['published', 'sent', 'published again']);
    assert.deepEqual(await within(client.closed, 'the close'), { code: 3008, reason: 'slow' });
  });

  test("the peer's close arrives with its code and reason, without one as 1005, a lost connection as 1006", async (t) => {
    const { url, handler } = await startRecording(t, make);
    const polite = await connect(t, url);
    polite.ws.close(4001, 'bye ü');
    assert.deepEqual(await handler.closed.next(), { id: 1, code: 4001, reason: 'bye ü' });
    assert.equal((await within(polite.closed, 'the close')).code, 4001);
    const silent = await connect(t, url);
    silent.ws.close();
    assert.deepEqual(await handler.closed.next(), { id: 2, code: 1005, reason: '' });
    const lost = await connect(t, url);
    lost.ws.terminate();
    assert.deepEqual(await handler.closed.next(), { id: 3, code: 1006, reason: '' });
  });

  test('terminate drops the connection at once', async (t) => {
    const { url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    socket.terminate();
    assert.deepEqual({ closed: socket.closed, closes: handler.closes }, { closed: true, closes: 1 });
    assert.equal((await handler.closed.next()).code, 1006);
    assert.equal((await within(client.closed, 'the close')).code, 1006);
  });

  test('late calls are harmless, in the close callback too, and close is called once', async (t) => {
    const { server, url, handler } = await startRecording(t, make);
    const callAll = (socket: Socket<{ id: number }>): void => {
      assert.equal(socket.closed, true);
      assert.equal(socket.send('late', false), false);
      assert.equal(socket.bufferedAmount(), 0);
      assert.equal(socket.subscribe('late'), false);
      assert.equal(socket.unsubscribe('late'), false);
      socket.cork(() => assert.fail('a closed socket corks nothing'));
      socket.end(1000, 'late');
      socket.terminate();
      assert.equal(socket.remoteAddress, '127.0.0.1');
    };
    const record = handler.close.bind(handler);
    handler.close = (socket, code, reason) => {
      callAll(socket);
      record(socket, code, reason);
    };
    const ways: ((socket: Socket<{ id: number }>, client: { terminate(): void }) => void)[] = [
      (socket) => socket.end(1000, ''),
      (socket) => socket.terminate(),
      (_socket, client) => client.terminate(),
    ];
    for (const way of ways) {
      const client = await connect(t, url);
      const socket = await handler.opened.next();
      way(socket, client.ws);
      await handler.closed.next();
      callAll(socket);
      await within(client.closed, 'the close');
    }
    assert.equal(server.subscribers('late'), 0);
    assert.equal(handler.closes, ways.length);
  });

  test('end inside open and inside message', async (t) => {
    const { url, handler } = await startRecording(t, make);
    let handled = 0;
    handler.message = (socket) => {
      handled++;
      socket.end(4002, 'from message');
    };
    const first = await connect(t, url);
    first.ws.send('a');
    first.ws.send('b');
    assert.deepEqual(await within(first.closed, 'the close'), { code: 4002, reason: 'from message' });
    handler.open = (socket) => {
      socket.send('hello', false);
      socket.end(4003, 'from open');
    };
    const second = await connect(t, url);
    assert.equal(await second.messages.next(), 'hello');
    assert.deepEqual(await within(second.closed, 'the close'), { code: 4003, reason: 'from open' });
    handler.open = (socket) => socket.terminate();
    const third = await connect(t, url).catch(() => undefined);
    if (third !== undefined) assert.equal((await within(third.closed, 'the close')).code, 1006);
    assert.deepEqual({ handled, closes: handler.closes }, { handled: 1, closes: 3 });
  });

  test('close codes that may not be sent are refused, long reasons are cut between characters', async (t) => {
    const { url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5]) {
      assert.throws(
        () => socket.end(code, ''),
        (error) => error instanceof SocketServerError && error.code === 'invalid-close-code',
      );
    }
    assert.equal(socket.closed, false);
    socket.end(4999, 'ü'.repeat(100));
    assert.deepEqual(await within(client.closed, 'the close'), { code: 4999, reason: 'ü'.repeat(61) });
  });
}
