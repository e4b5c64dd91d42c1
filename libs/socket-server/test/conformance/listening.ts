import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { Deferred } from '@pharos/lifecycle';
import { type SocketServer, SocketServerError, type SocketServerErrorCode } from '../../src/index.ts';
import { connect, freePort, type MakeServer, raw, RecordingHandler, start, startRecording, within } from './harness.ts';

function isError(code: SocketServerErrorCode, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof SocketServerError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}

export function listeningConformance(make: MakeServer): void {
  test('a busy port is an error that names it, whoever has it', async (t) => {
    const { port } = await startRecording(t, make);
    const second = await make();
    await assert.rejects(
      second.listen('127.0.0.1', port),
      isError('address-in-use', new RegExp(`127\\.0\\.0\\.1:${port}`)),
    );
    await second.stop();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    t.after(() => other.close());
    const address = other.address();
    assert.ok(typeof address === 'object' && address !== null);
    const third = await make();
    await assert.rejects(third.listen('127.0.0.1', address.port), isError('address-in-use', /in use/));
    await third.stop();
  });

  test('hosts and ports that cannot be listened on are clear errors', async () => {
    const server = await make();
    await assert.rejects(server.listen('no-such-host.invalid', 0), isError('listen-failed', /no-such-host\.invalid/));
    const other = await make();
    await assert.rejects(other.listen('192.0.2.1', 0), isError('listen-failed', /does not have the address/));
    const third = await make();
    await assert.rejects(third.listen('127.0.0.1', 65_536), isError('listen-failed', /0 to 65535/));
    await Promise.all([server.stop(), other.stop(), third.stop()]);
  });

  test('listens on IPv6 and by name, and writes the peer address in its short form', async (t) => {
    const handler = new RecordingHandler();
    const six = await make();
    t.after(() => six.stop());
    six.webSocket({ path: '/', handler, maxPayloadBytes: 100 });
    await connect(t, `ws://[::1]:${await six.listen('::1', 0)}/`);
    assert.equal((await handler.opened.next()).remoteAddress, '::1');
    const dual = await make();
    t.after(() => dual.stop());
    dual.webSocket({ path: '/', handler, maxPayloadBytes: 100 });
    await connect(t, `ws://127.0.0.1:${await dual.listen('::', 0)}/`);
    assert.equal((await handler.opened.next()).remoteAddress, '127.0.0.1');
    const named = await make();
    t.after(() => named.stop());
    named.webSocket({ path: '/', handler, maxPayloadBytes: 100 });
    await connect(t, `ws://localhost:${await named.listen('localhost', 0)}/`);
    await handler.opened.next();
  });

  test('pauseAccepting refuses newcomers and keeps who is there', async (t) => {
    const { server, port, url, handler } = await startRecording(t, make, {}, 100, await freePort());
    const client = await connect(t, url);
    const socket = await handler.opened.next();
    server.pauseAccepting();
    server.pauseAccepting();
    await assert.rejects(connect(t, url), /ECONNREFUSED/);
    socket.send('still here', false);
    assert.equal(await client.messages.next(), 'still here');
    client.ws.send('so am I');
    assert.equal((await handler.messages.next()).text, 'so am I');
    const successor = await startAt(make, port);
    t.after(() => successor.stop());
  });

  test('stop drops WebSocket, HTTP and half-open connections, calls close for each and frees the port', async (t) => {
    const handler = new RecordingHandler();
    const asked = new Deferred();
    const aborted = new Deferred();
    const declare = (created: SocketServer): void => {
      created.webSocket({ path: '/', handler, maxPayloadBytes: 100 });
      created.http({
        method: 'GET',
        path: '/stream',
        handle: (_request, response) => {
          response.onAborted(() => aborted.resolve());
          response.begin(200, {});
          response.write('first');
          asked.resolve();
        },
      });
    };
    const { server, port, url } = await start(t, make, declare, {}, await freePort());
    const clients = [await connect(t, url), await connect(t, url), await connect(t, url)];
    const [first] = await handler.opened.take(3);
    // Sockets that react to the close of another must not disturb the walk over all of them.
    const record = handler.close.bind(handler);
    handler.close = (socket, code, reason) => {
      first?.end(1000, '');
      first?.terminate();
      record(socket, code, reason);
    };
    const silent = raw(t, port, 'GET /unfinished');
    const stream = request({ port, path: '/stream' }, (response) => response.on('error', () => undefined).resume());
    stream.on('error', () => undefined).end();
    await within(asked.promise, 'the stream');
    await server.stop();
    await server.stop();
    await within(Promise.all([...clients.map((client) => client.closed), silent.ended, aborted.promise]), 'the ends');
    assert.deepEqual(
      (await handler.closed.take(3)).map(({ code }) => code),
      [1006, 1006, 1006],
    );
    assert.equal(handler.closes, 3);
    server.publish('after', 'the end', false);
    assert.equal(server.subscribers('after'), 0);
    await assert.rejects(connect(t, url), /ECONNREFUSED/);
    const successor = await startAt(make, port);
    await successor.stop();
  });

  test('stop before listen, and after a failed one', async () => {
    const server = await make();
    await server.stop();
    assert.equal(server.subscribers('x'), 0);
  });

  test('connections leave nothing open behind them', async (t) => {
    const { url, handler } = await startRecording(t, make);
    const before = openConnections();
    for (let i = 0; i < 20; i++) {
      const client = await connect(t, url);
      const socket = await handler.opened.next();
      if (i % 3 === 0) socket.end(1000, '');
      else if (i % 3 === 1) client.ws.close();
      else client.ws.terminate();
      await handler.closed.next();
      await within(client.closed, 'the close');
    }
    const deadlineMs = performance.now() + 60_000;
    while (openConnections() > before) {
      assert.ok(performance.now() < deadlineMs, `${openConnections() - before} of 20 connections are still open`);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  });

  test('routes with bad paths or limits, twice, or too late are refused', async (t) => {
    const handler = new RecordingHandler();
    const { server } = await startRecording(t, make);
    const good = { path: '/x', handler, maxPayloadBytes: 100 };
    assert.throws(() => server.webSocket(good), isError('invalid-route', /before listen/));
    const handle = (): void => undefined;
    assert.throws(() => server.http({ method: 'GET', path: '/x', handle }), isError('invalid-route', /before listen/));
    const fresh = await make();
    for (const path of ['', 'x', '/a/*', '/:id', '/a?b', '/a b']) {
      assert.throws(() => fresh.webSocket({ ...good, path }), isError('invalid-route', /route path/));
      assert.throws(() => fresh.http({ method: 'GET', path, handle }), isError('invalid-route', /route path/));
    }
    for (const maxPayloadBytes of [0, -1, 1.5, 2 ** 31, Number.NaN]) {
      assert.throws(() => fresh.webSocket({ ...good, maxPayloadBytes }), isError('invalid-route', /maxPayloadBytes/));
    }
    for (const idleTimeoutSeconds of [-1, 7, 961, 8.5]) {
      assert.throws(
        () => fresh.webSocket({ ...good, idleTimeoutSeconds }),
        isError('invalid-route', /idleTimeoutSeconds/),
      );
    }
    fresh.webSocket(good);
    assert.throws(() => fresh.webSocket(good), isError('invalid-route', /twice/));
    fresh.http({ method: 'GET', path: '/x', handle });
    assert.throws(() => fresh.http({ method: 'GET', path: '/x', handle }), isError('invalid-route', /twice/));
    await fresh.stop();
  });
}

async function startAt(make: MakeServer, port: number): Promise<{ stop(): Promise<void> }> {
  const server = await make();
  assert.equal(await server.listen('127.0.0.1', port), port);
  return server;
}

/** Connections of either side: the addon's are none of Node's handles, so file descriptors are counted where they can be. */
function openConnections(): number {
  if (existsSync('/proc/self/fd')) return readdirSync('/proc/self/fd').length;
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}
