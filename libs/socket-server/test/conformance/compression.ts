import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import { WebSocket } from 'ws';
import {
  clientFrame,
  connect,
  Inbox,
  type MakeServer,
  raw,
  startRecording,
  upgradeRequest,
  within,
} from './harness.ts';

const compression = { minBytes: 1_000 };
const offer = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits';
/** FIN, RSV1, text. */
const COMPRESSED_TEXT = 0xc1;
const long = 'lorem ipsum dolor sit amet '.repeat(100);

/** A client that offers compression, and counts what comes over the wire. */
async function compressing(
  t: TestContext,
  url: string,
): Promise<{ ws: WebSocket; messages: Inbox<string>; bytesRead(): number }> {
  const ws = new WebSocket(url, { perMessageDeflate: { threshold: 0 } });
  t.after(() => ws.terminate());
  const messages = new Inbox<string>();
  ws.on('message', (data: Buffer) => messages.push(data.toString()));
  let bytes = (): number => 0;
  ws.on('upgrade', ({ socket }) => {
    const start = socket.bytesRead;
    bytes = () => socket.bytesRead - start;
  });
  await within(new Promise((resolve, reject) => ws.on('open', resolve).on('error', reject)), 'the handshake');
  return { ws, messages, bytesRead: () => bytes() };
}

export function compressionConformance(make: MakeServer): void {
  test('is off unless asked for, whatever the client offers', async (t) => {
    const { port } = await startRecording(t, make);
    const client = raw(t, port, upgradeRequest('/', offer));
    await client.until('\r\n\r\n');
    assert.doesNotMatch(client.received(), /permessage-deflate/i);
  });

  test('neither side keeps a window between messages', async (t) => {
    const { port } = await startRecording(t, make, { compression });
    const client = raw(t, port, upgradeRequest('/', offer));
    await client.until('\r\n\r\n');
    assert.match(client.received(), /permessage-deflate/);
    assert.match(client.received(), /server_no_context_takeover/);
    assert.match(client.received(), /client_no_context_takeover/);
  });

  test('compresses long messages, sent and published, for those who take it; short ones go as they are', async (t) => {
    const { server, url, handler } = await startRecording(t, make, { compression });
    const able = await compressing(t, url);
    const unable = await connect(t, url);
    for (const socket of await handler.opened.take(2)) {
      socket.subscribe('news');
      socket.send(long, false);
    }
    server.publish('news', Buffer.from(`${long}!`), false);
    server.publish('news', 'short', false);
    const expected = [long, `${long}!`, 'short'];
    for (const { messages } of [able, unable]) assert.deepEqual(await messages.take(3), expected);
    const bytes = able.bytesRead();
    assert.ok(bytes < long.length / 2, `${bytes} bytes for two messages of ${long.length}`);
  });

  test('what does not become shorter arrives all the same', async (t) => {
    const { url, handler } = await startRecording(t, make, { compression: { minBytes: 1 } });
    const client = await compressing(t, url);
    const socket = await handler.opened.next();
    for (const text of ['a', 'ü', '{}']) socket.send(text, false);
    assert.deepEqual(await client.messages.take(3), ['a', 'ü', '{}']);
  });

  test('takes compressed messages, whole and in fragments, up to the limit when they are inflated', async (t) => {
    const { url, handler } = await startRecording(t, make, { compression }, 10_000);
    const client = await compressing(t, url);
    client.ws.send('x'.repeat(10_000));
    assert.equal((await handler.messages.next()).text.length, 10_000);
    client.ws.send('one ', { fin: false });
    client.ws.send('two');
    assert.equal((await handler.messages.next()).text, 'one two');
    client.ws.send('x'.repeat(10_001));
    assert.equal((await handler.closed.next()).code, 1009);
    assert.equal(handler.messages.size, 0);
  });

  test('a bomb ends its connection with 1009 at the limit, and takes no memory', async (t) => {
    const { url, port, handler } = await startRecording(t, make, { compression });
    const bomb = deflateRawSync(Buffer.alloc(64 * 1024 * 1024), { finishFlush: constants.Z_SYNC_FLUSH });
    const payload = bomb.subarray(0, 60_000);
    const header = Buffer.from([COMPRESSED_TEXT, 0x80 | 126, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0]);
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 20; i++) {
      const client = raw(t, port, upgradeRequest('/', offer));
      await client.until('\r\n\r\n');
      client.tcp.write(Buffer.concat([header, payload]));
      assert.equal((await handler.closed.next()).code, 1009);
      client.tcp.destroy();
    }
    const grown = process.memoryUsage.rss() - before;
    // Inflated whole, one takes 58 MB, and twenty more than a gigabyte.
    assert.ok(grown < 256 * 1024 * 1024, `${grown} bytes more`);
    assert.equal(handler.messages.size, 0);
    const client = await connect(t, url);
    client.ws.send('still there');
    assert.equal((await handler.messages.next()).text, 'still there');
  });

  test('compressed bytes that are none end the connection', async (t) => {
    const { server, port, handler } = await startRecording(t, make, { compression });
    const client = raw(t, port, upgradeRequest('/', offer));
    await client.until('\r\n\r\n');
    client.tcp.write(clientFrame(COMPRESSED_TEXT, Buffer.from('these bytes are not deflated')));
    assert.equal((await handler.closed.next()).code, server.implementation === 'uws' ? 1009 : 1007);
    client.tcp.end();
    await within(client.ended, 'the end of the connection');
  });
}
