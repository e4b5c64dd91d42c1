import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deferred } from '@pharos/lifecycle';
import { clientFrame, connect, type MakeServer, raw, startRecording, upgradeRequest, within } from './harness.ts';

export function messagesConformance(make: MakeServer): void {
  test('echoes text and binary, empty, Unicode and large', async (t) => {
    const { url, handler } = await startRecording(t, make, {}, 1_000_000);
    handler.message = (socket, message, isBinary) => void socket.send(message, isBinary);
    const client = await connect(t, url);
    const texts = ['', 'hello', 'grüße 🛰', 'x'.repeat(125), 'y'.repeat(126), 'z'.repeat(70_000)];
    for (const text of texts) client.ws.send(text);
    assert.deepEqual(await client.messages.take(texts.length), texts);
    client.ws.send(Buffer.from([0, 255, 10]));
    assert.equal(await client.messages.next(), 'hex:00ff0a');
  });

  test('sends strings and bytes as text or binary as told', async (t) => {
    const { url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    assert.equal(socket.send('text', false), true);
    assert.equal(socket.send(Buffer.from('bytes'), false), true);
    assert.equal(socket.send('ü', true), true);
    assert.deepEqual(await client.messages.take(3), ['text', 'bytes', 'hex:c3bc']);
  });

  test('a buffer that is reused right after send and publish does not change what is sent', async (t) => {
    const { server, url, handler } = await startRecording(t, make);
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    socket.subscribe('all');
    const scratch = Buffer.from('aaaa');
    socket.send(scratch, false);
    scratch.fill('b');
    server.publish('all', scratch, false);
    scratch.fill('c');
    assert.deepEqual(await client.messages.take(2), ['aaaa', 'bbbb']);
  });

  test('joins fragmented messages, with a ping between them', async (t) => {
    const { port, handler } = await startRecording(t, make);
    const client = raw(t, port, upgradeRequest('/'));
    await client.until('\r\n\r\n');
    client.tcp.write(clientFrame(0x01, Buffer.from('one ')));
    client.tcp.write(clientFrame(0x89, Buffer.from('ping')));
    client.tcp.write(clientFrame(0x00, Buffer.from('two ')));
    client.tcp.write(clientFrame(0x80, Buffer.from('three')));
    assert.deepEqual(await handler.messages.next(), { text: 'one two three', isBinary: false });
    await client.until('\x8a\x04ping');
  });

  test('a character split between fragments is valid text', async (t) => {
    const { port, handler } = await startRecording(t, make);
    const client = raw(t, port, upgradeRequest('/'));
    await client.until('\r\n\r\n');
    const bytes = Buffer.from('🛰');
    client.tcp.write(clientFrame(0x01, bytes.subarray(0, 2)));
    client.tcp.write(clientFrame(0x80, bytes.subarray(2)));
    assert.deepEqual(await handler.messages.next(), { text: '🛰', isBinary: false });
  });

  test('invalid UTF-8 in a text message ends the connection and reaches no handler; in a binary one it is data', async (t) => {
    const { server, port, url, handler } = await startRecording(t, make);
    const client = raw(t, port, upgradeRequest('/'));
    await client.until('\r\n\r\n');
    client.tcp.write(clientFrame(0x82, Buffer.from([0xc3, 0x28])));
    assert.deepEqual(await handler.messages.next(), { text: 'c328', isBinary: true });
    const peer = await connect(t, url);
    peer.ws.send(Buffer.from([0xc3, 0x28]), { binary: false });
    assert.deepEqual(await handler.closed.next(), { id: 2, code: 1007, reason: 'invalid UTF-8' });
    // uWebSockets.js drops the connection without a close frame; the port says so.
    const { code } = await within(peer.closed, 'the close');
    assert.equal(code, server.implementation === 'uws' ? 1006 : 1007);
    assert.equal(handler.messages.size, 0);
  });

  test('takes a message of the limit, closes with 1009 for one byte more', async (t) => {
    const { url, handler } = await startRecording(t, make, {}, 1_000);
    const client = await connect(t, url);
    client.ws.send('a'.repeat(1_000));
    assert.equal((await handler.messages.next()).text.length, 1_000);
    client.ws.send('a'.repeat(1_001));
    assert.equal((await within(client.closed, 'the close')).code, 1009);
    assert.deepEqual(await handler.closed.next(), { id: 1, code: 1009, reason: 'message too large' });
    assert.equal(handler.messages.size, 0);
  });

  test('a message far over the limit, whole or in fragments, ends the connection with 1009 for the handler', async (t) => {
    const { url, handler } = await startRecording(t, make, {}, 1_000);
    const whole = await connect(t, url);
    whole.ws.send('a'.repeat(100_000));
    assert.equal((await handler.closed.next()).code, 1009);
    await within(whole.closed, 'the close');
    const fragments = await connect(t, url);
    for (let i = 0; i < 10; i++) fragments.ws.send('a'.repeat(900), { fin: false });
    assert.equal((await handler.closed.next()).code, 1009);
    await within(fragments.closed, 'the close');
    assert.equal(handler.messages.size, 0);
  });

  test('a frame against the protocol ends the connection', async (t) => {
    const { server, port, handler } = await startRecording(t, make);
    const client = raw(t, port, upgradeRequest('/'));
    await client.until('\r\n\r\n');
    client.tcp.write(clientFrame(0xf1, Buffer.from('reserved bits')));
    // uWebSockets.js doesn't say why it dropped the connection.
    const expected =
      server.implementation === 'uws' ? { code: 1006, reason: '' } : { code: 1002, reason: 'protocol error' };
    assert.deepEqual(await handler.closed.next(), { id: 1, ...expected });
    client.tcp.end();
    await within(client.ended, 'the end of the connection');
  });

  test('a handler that throws is reported and its socket closed with 1011', async (t) => {
    const reported = new Deferred<[unknown, string]>();
    const onError = (error: unknown, context: string): void => reported.resolve([error, context]);
    const { url, handler } = await startRecording(t, make, { onError });
    const failure = new Error('boom');
    handler.message = () => {
      throw failure;
    };
    const client = await connect(t, url);
    client.ws.send('go');
    assert.deepEqual(await within(reported.promise, 'the report'), [failure, 'message of /']);
    assert.deepEqual(await within(client.closed, 'the close'), { code: 1011, reason: 'internal error' });
  });

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
}
