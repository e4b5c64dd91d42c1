import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import { connect, type MakeServer, raw, RecordingHandler, start, upgradeRequest } from './harness.ts';

/** uWebSockets.js counts time in steps of four seconds. */
const SLOW_DEADLINE_MS = 60_000;

export function timeoutsConformance(make: MakeServer): void {
  test('a silent peer is dropped after the idle timeout, one that answers pings is not', async (t) => {
    const handler = new RecordingHandler();
    const { port, url } = await start(t, make, (server) =>
      server.webSocket({ path: '/', handler, maxPayloadBytes: 100, idleTimeoutSeconds: 8 }),
    );
    const living = await connect(t, url);
    const pinged = new Deferred();
    living.ws.on('ping', () => pinged.resolve());
    const silent = raw(t, port, upgradeRequest('/'));
    await handler.opened.take(2);
    await silent.until('\x89\0');
    const closed = new Deferred<number>();
    handler.close = (socket) => closed.resolve(socket.data.id);
    assert.equal(
      await withDeadline(
        pinged.promise.then(() => closed.promise),
        SLOW_DEADLINE_MS,
        'the drop',
      ),
      2,
    );
    assert.equal(living.ws.readyState, living.ws.OPEN);
  });

  test('a streamed response whose reader takes nothing more is dropped', async (t) => {
    const aborted = new Deferred<number>();
    const { port } = await start(t, make, (server) =>
      server.http({
        method: 'GET',
        path: '/',
        handle: (_request, response) => {
          const sinceMs = performance.now();
          response.onAborted(() => aborted.resolve(performance.now() - sinceMs));
          response.begin(200, {});
          for (let i = 0; i < 200; i++) response.write('x'.repeat(100_000));
        },
      }),
    );
    const client = raw(t, port, 'GET / HTTP/1.1\r\nHost: test\r\n\r\n');
    client.tcp.pause();
    const tookMs = await withDeadline(aborted.promise, SLOW_DEADLINE_MS, 'the abort');
    assert.ok(tookMs > 5_000, `dropped after ${tookMs} ms already`);
  });

  test('a streamed response that is silent, after a slow stretch too, stays', async (t) => {
    const { port } = await start(t, make, (server) =>
      server.http({
        method: 'GET',
        path: '/',
        handle: (_request, response) => {
          response.begin(200, {});
          for (let i = 0; i < 100; i++) response.write('x'.repeat(100_000));
          const timer = setTimeout(() => response.end('still there'), 14_000);
          response.onAborted(() => clearTimeout(timer));
        },
      }),
    );
    const client = raw(t, port, 'GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
    await withDeadline(client.ended, SLOW_DEADLINE_MS, 'the end');
    assert.ok(client.received().includes('still there'));
  });
}
