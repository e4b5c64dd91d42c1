import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deferred } from '@pharos/lifecycle';
import { connect, type MakeServer, startRecording, within } from './harness.ts';

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
}
