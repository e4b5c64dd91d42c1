import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Collector, TestkitError, startProxy } from '@pharos/testkit';
import type { FaultProxy } from '@pharos/testkit';

/** A client of the proxy that keeps what it read. */
class Client {
  readonly socket: Socket;
  readonly chunks = new Collector<Buffer>();
  readonly closed: Promise<unknown>;
  error: NodeJS.ErrnoException | undefined;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', this.chunks.add);
    this.socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error));
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks.items);
  }

  async waitForBytes(count: number): Promise<Buffer> {
    await this.chunks.waitUntil(() => this.received.length >= count, `${count} bytes`);
    return this.received;
  }
}

describe('fault proxy', { timeout: 30_000 }, () => {
  let echo: Server;
  let proxy: FaultProxy;
  const clients: Client[] = [];

  before(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
  });
  beforeEach(async () => {
    proxy = await startProxy(`127.0.0.1:${(echo.address() as AddressInfo).port}`);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.destroy();
    await proxy.close();
  });
  after(() => echo.close());

  function client(): Client {
    const made = new Client(proxy.port);
    clients.push(made);
    return made;
  }

  test('passes bytes both ways unchanged and counts them', async () => {
    const one = client();
    const sent = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
    one.socket.write(sent);
    assert.deepEqual(await one.waitForBytes(sent.length), sent);
    assert.equal(proxy.passedBytes('up'), sent.length);
    assert.equal(proxy.passedBytes('down'), sent.length);
    assert.equal(proxy.totalConnections, 1);
    assert.equal(proxy.openConnections, 1);
  });

  test('passes on the end of a stream without losing what came before', async () => {
    const one = client();
    one.socket.end('last words');
    await one.closed;
    assert.equal(one.received.toString(), 'last words');
    assert.equal(one.error, undefined);
  });

  test('cuts all connections with a reset and takes new ones', async () => {
    const one = client();
    one.socket.write('x');
    await one.waitForBytes(1);
    assert.equal(proxy.cutAll(), 1);
    await one.closed;
    assert.equal(one.error?.code, 'ECONNRESET');
    const two = client();
    two.socket.write('y');
    assert.equal((await two.waitForBytes(1)).toString(), 'y');
    await proxy.waitForConnections(2);
  });

  test('cuts after a number of bytes in one direction, counted from the call', async () => {
    const one = client();
    one.socket.write('before');
    await one.waitForBytes(6);
    const cut = proxy.cutAfter('up', 3);
    one.socket.write('abcdef');
    await cut;
    await one.closed;
    assert.equal(proxy.passedBytes('up'), 9);
  });

  test('corrupts the byte asked for and no other', async () => {
    const one = client();
    const corrupted = proxy.corrupt('down', 2, 0x20);
    one.socket.write('abcdef');
    assert.equal((await one.waitForBytes(6)).toString(), 'abCdef');
    await corrupted;
    one.socket.write('abcdef');
    assert.equal((await one.waitForBytes(12)).toString(), 'abCdefabcdef');
  });

  test('calls off what is still to come', async () => {
    const one = client();
    proxy.corrupt('up', 1).catch(assert.ifError);
    proxy.cutAfter('down', 2).catch(assert.ifError);
    proxy.disarm();
    one.socket.write('abc');
    assert.equal((await one.waitForBytes(3)).toString(), 'abc');
    assert.equal(proxy.openConnections, 1);
  });

  test('splits into pieces that arrive apart', async () => {
    const one = client();
    proxy.split('down', 1);
    one.socket.write('abcdefghij');
    assert.equal((await one.waitForBytes(10)).toString(), 'abcdefghij');
    assert.ok(one.chunks.items.length > 1, 'all ten bytes came in one piece');
  });

  test('delays', async () => {
    const one = client();
    proxy.delay('up', 60);
    const start = performance.now();
    one.socket.write('x');
    await one.waitForBytes(1);
    // A timer of Node may fire a millisecond early.
    assert.ok(performance.now() - start >= 58);
  });

  test('a black hole takes connections and says nothing; heal lets through what was held', async () => {
    proxy.blackhole();
    const one = client();
    one.socket.write('held');
    await proxy.waitForConnections(1);
    assert.equal(proxy.passedBytes('up'), 0);
    proxy.resume('up');
    one.socket.write(' more');
    assert.equal(one.received.length, 0);
    proxy.heal();
    assert.equal((await one.waitForBytes(9)).toString(), 'held more');
  });

  test('refuses connections, keeps the open one, and accepts again on the same port', async () => {
    const one = client();
    one.socket.write('x');
    await one.waitForBytes(1);
    proxy.refuse();
    const refused = client();
    await refused.closed;
    assert.equal(refused.error?.code, 'ECONNREFUSED');
    one.socket.write('y');
    await one.waitForBytes(2);
    await proxy.accept();
    const two = client();
    two.socket.write('z');
    await two.waitForBytes(1);
  });

  test('a target that refuses cuts the client', async () => {
    const dead = await startProxy('127.0.0.1:1');
    try {
      const one = new Client(dead.port);
      clients.push(one);
      await one.closed;
    } finally {
      await dead.close();
    }
  });

  test('says what is wrong with a target or a number', async () => {
    await assert.rejects(startProxy('nowhere'), (error: unknown) => {
      return error instanceof TestkitError && error.code === 'invalid-option' && error.message.includes("'nowhere'");
    });
    assert.throws(() => proxy.split('up', -1), /bytes must be a whole number/);
  });
});
