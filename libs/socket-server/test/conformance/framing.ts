import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientFrame, connect, type MakeServer, raw, startRecording, upgradeRequest, within } from './harness.ts';

export function framingConformance(make: MakeServer): void {
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

  test('messages behind the end are not handled', async (t) => {
    const { port, handler } = await startRecording(t, make);
    const client = raw(t, port, upgradeRequest('/'));
    await client.until('\r\n\r\n');
    handler.message = (socket, message) => {
      handler.messages.push({ text: message.toString(), isBinary: false });
      socket.end(1000, '');
    };
    client.tcp.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61, 0x81, 0x81, 0, 0, 0, 0, 0x62]));
    await handler.closed.next();
    await client.until('\x88\x02\x03\xe8');
    client.tcp.destroy();
    await client.ended;
    assert.deepEqual(await handler.messages.take(1), [{ text: 'a', isBinary: false }]);
    assert.equal(handler.messages.size, 0);
  });
}
