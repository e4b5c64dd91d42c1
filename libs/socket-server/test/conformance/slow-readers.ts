import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, type MakeServer, raw, startRecording, upgradeRequest, within } from './harness.ts';

const CLOSE_TIMEOUT_MS = 300;

export function slowReadersConformance(make: MakeServer): void {
  test('a stopped reader: nothing is dropped, what waits is counted, drain tells when it goes', async (t) => {
    const { server, url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    socket.subscribe('flood');
    client.ws.pause();
    const body = 'm'.repeat(12_000);
    for (let i = 0; i < 1_000; i++) server.publish('flood', `${i}:${body}`, false);
    socket.send('last', false);
    const waiting = socket.bufferedAmount();
    assert.ok(waiting > 1_000_000, `expected megabytes to wait, found ${waiting}`);
    client.ws.resume();
    for (let i = 0; i < 1_000; i++) {
      const message = await client.messages.next();
      assert.equal(message.length, body.length + `${i}:`.length);
      assert.ok(message.startsWith(`${i}:`), `message ${i} begins ${message.slice(0, 8)}`);
    }
    assert.equal(await client.messages.next(), 'last');
    assert.ok((await handler.drained.next()) < waiting);
    assert.equal(socket.bufferedAmount(), 0);
  });

  test('a slow reader that is ended gets all that was buffered and then the close frame', async (t) => {
    const { server, url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    socket.subscribe('flood');
    client.ws.pause();
    for (let i = 0; i < 600; i++) server.publish('flood', `${i}:${'x'.repeat(20_000)}`, false);
    socket.end(3008, 'slow');
    assert.equal(handler.closes, 1);
    assert.equal(socket.send('more', false), false);
    assert.equal(server.subscribers('flood'), 0);
    server.publish('flood', 'more', false);
    client.ws.resume();
    const messages = await client.messages.take(600);
    assert.deepEqual(
      messages.map((message) => Number(message.split(':')[0])),
      messages.map((_message, index) => index),
    );
    assert.deepEqual(await within(client.closed, 'the close'), { code: 3008, reason: 'slow' });
    assert.equal(client.messages.size, 0);
    assert.equal(handler.closes, 1);
  });

  test('flushed waits for those that were ended to take what is theirs, and for nobody else', async (t) => {
    const { server, url, handler } = await startRecording(t, make);
    await server.flushed();
    const [open, slow] = [await connect(t, url), await connect(t, url)];
    const [, socket] = await handler.opened.take(2);
    slow.ws.pause();
    for (let i = 0; i < 600; i++) socket?.send(`${i}:${'x'.repeat(20_000)}`, false);
    assert.ok((socket?.bufferedAmount() ?? 0) > 0);
    await server.flushed();
    socket?.end(3001, 'shutdown');
    let flushed = false;
    const flush = server.flushed().then(() => (flushed = true));
    await connect(t, url);
    assert.equal(flushed, false);
    slow.ws.resume();
    await within(flush, 'the flush');
    await server.stop();
    await slow.messages.take(600);
    assert.deepEqual(await within(slow.closed, 'the close'), { code: 3001, reason: 'shutdown' });
    assert.equal((await within(open.closed, 'the drop')).code, 1006);
  });

  test('a stopped reader that is ended is dropped after the close timeout', async (t) => {
    const { port, handler } = await startRecording(t, make, { closeTimeoutMs: CLOSE_TIMEOUT_MS });
    const client = raw(t, port, upgradeRequest('/'));
    const socket = await handler.opened.next();
    await client.until('\r\n\r\n');
    client.tcp.pause();
    for (let i = 0; i < 100; i++) socket.send('x'.repeat(200_000), false);
    assert.ok(socket.bufferedAmount() > 0);
    socket.end(3008, 'slow');
    // Writing shows a drop that the paused reading side would not.
    const probe = setInterval(() => client.tcp.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0])), 20);
    t.after(() => clearInterval(probe));
    await within(client.ended, 'the drop');
    assert.equal(handler.closes, 1);
  });
}
