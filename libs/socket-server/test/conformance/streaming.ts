import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { test, type TestContext } from 'node:test';
import { Deferred } from '@pharos/lifecycle';
import type { HttpResponse, HttpRoute } from '../../src/index.ts';
import { Inbox, type MakeServer, raw, start, within } from './harness.ts';

async function openStream(
  t: TestContext,
  make: MakeServer,
  handle: HttpRoute['handle'],
): Promise<{ incoming: IncomingMessage; parts: Inbox<string> }> {
  const { port } = await start(t, make, (server) => server.http({ method: 'GET', path: '/', handle }));
  const response = new Deferred<IncomingMessage>();
  const sent = request({ port, path: '/', agent: false }, response.resolve);
  sent.on('error', () => undefined);
  sent.end();
  t.after(() => sent.destroy());
  const incoming = await within(response.promise, 'the response');
  incoming.on('error', () => undefined);
  const parts = new Inbox<string>();
  return { incoming, parts };
}

export function streamingConformance(make: MakeServer): void {
  test('parts of a streamed response arrive as they are written', async (t) => {
    const responses = new Deferred<HttpResponse>();
    const { incoming, parts } = await openStream(t, make, (_request, response) => {
      response.begin(200, { 'content-type': 'text/event-stream' });
      response.write('one');
      responses.resolve(response);
    });
    incoming.on('data', (bytes: Buffer) => parts.push(bytes.toString()));
    const response = await responses.promise;
    assert.equal(incoming.headers['content-type'], 'text/event-stream');
    assert.equal(await parts.next(), 'one');
    assert.equal(response.write(Buffer.from('zwei ü')), true);
    assert.equal(await parts.next(), 'zwei ü');
    const ended = new Deferred();
    incoming.on('end', () => ended.resolve());
    response.end('three');
    assert.equal(response.closed, true);
    assert.equal(await parts.next(), 'three');
    await within(ended.promise, 'the end');
  });

  test('a peer that leaves is told once, and the calls after it are harmless', async (t) => {
    let calls = 0;
    const aborted = new Deferred();
    const responses = new Deferred<HttpResponse>();
    const { incoming } = await openStream(t, make, (_request, response) => {
      response.onAborted(() => {
        calls++;
        aborted.resolve();
      });
      response.begin(200, {});
      response.write('one');
      responses.resolve(response);
    });
    incoming.destroy();
    await within(aborted.promise, 'the abort');
    const response = await responses.promise;
    assert.deepEqual([response.closed, response.write('x'), response.bufferedAmount()], [true, false, 0]);
    response.end('x');
    response.respond(200, {}, 'x');
    const late = new Deferred();
    response.onAborted(() => late.resolve());
    await within(late.promise, 'the abort told to a latecomer');
    assert.equal(calls, 1);
  });

  test('requests sent behind a stream that does not end: when their connection goes, they are told, or never came', async (t) => {
    const events = new Inbox<string>();
    let count = 0;
    const { server, port } = await start(t, make, (made) =>
      made.http({
        method: 'GET',
        path: '/',
        handle: (_request, response) => {
          const number = ++count;
          response.onAborted(() => events.push(`${number} gone`));
          response.begin(200, {});
          response.write('x');
          if (number === 3) response.end();
          events.push(`${number} here`);
        },
      }),
    );
    const tcp = connectTcp(port, '127.0.0.1');
    t.after(() => tcp.destroy());
    tcp.on('error', () => undefined);
    tcp.on('close', () => events.push('closed'));
    tcp.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3));
    assert.equal(await events.next(), '1 here');
    // uWebSockets.js drops a peer that doesn't wait for its answer.
    const second = await events.next();
    if (second === '2 here') assert.equal(await events.next(), '3 here');
    tcp.destroy();
    const told = second === '2 here' ? await events.take(3) : [second, await events.next()];
    assert.deepEqual(told.sort(), second === '2 here' ? ['1 gone', '2 gone', 'closed'] : ['1 gone', 'closed']);
    await within(server.flushed(), 'the end of the third');
  });

  test('a stopped reader: write says so, the rest is counted, and arrives whole when it reads on', async (t) => {
    const responses = new Deferred<HttpResponse>();
    const { incoming } = await openStream(t, make, (_request, response) => {
      response.begin(200, {});
      response.write('start');
      responses.resolve(response);
    });
    const response = await responses.promise;
    incoming.pause();
    const expected = createHash('sha256').update('start');
    const scratch = Buffer.alloc(100_000);
    let writes = 0;
    let keptUp = true;
    for (; writes < 200; writes++) {
      scratch.fill(writes);
      expected.update(scratch);
      keptUp = response.write(scratch) && keptUp;
      // Two turns of the event loop, so that the kernel can take what it will.
      await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
    }
    scratch.fill(255);
    assert.equal(keptUp, false);
    const waiting = response.bufferedAmount();
    assert.ok(waiting > 1_000_000 && waiting < 20_100_000, `expected megabytes to wait, found ${waiting}`);
    const ended = new Deferred();
    const received = createHash('sha256');
    let bytes = 0;
    let readBack = false;
    incoming.on('data', (part: Buffer) => {
      received.update(part);
      bytes += part.length;
      if (bytes !== 5 + writes * scratch.length || readBack) return;
      readBack = true;
      // All is out: the stream goes on as if nothing had been.
      expected.update('end');
      assert.ok(response.bufferedAmount() < 65_536);
      response.end('end');
    });
    incoming.on('end', () => ended.resolve());
    incoming.resume();
    await within(ended.promise, 'the end');
    assert.equal(received.digest('hex'), expected.digest('hex'));
  });

  test('end while the peer is behind still delivers everything', async (t) => {
    const { incoming } = await openStream(t, make, (_request, response) => {
      response.begin(200, {});
      for (let i = 0; i < 100; i++) response.write(String(i % 10).repeat(100_000));
      response.end('end');
    });
    const ended = new Deferred();
    let bytes = 0;
    let tail = '';
    incoming.on('data', (part: Buffer) => {
      bytes += part.length;
      tail = (tail + part.toString('latin1')).slice(-5);
    });
    incoming.on('end', () => ended.resolve());
    await within(ended.promise, 'the end');
    assert.deepEqual([bytes, tail], [10_000_003, '99end']);
  });

  test('flushed waits for streams that were ended; who does not take the rest in time is dropped', async (t) => {
    const responses = new Inbox<HttpResponse>();
    const { server, port } = await start(
      t,
      make,
      (declared) =>
        declared.http({
          method: 'GET',
          path: '/',
          handle: (_request, response) => {
            response.begin(200, {});
            response.write('start');
            responses.push(response);
          },
        }),
      { closeTimeoutMs: 500 },
    );
    const reader = raw(t, port, 'GET / HTTP/1.1\r\nHost: t\r\n\r\n');
    const read = await responses.next();
    const sleeper = raw(t, port, 'GET / HTTP/1.1\r\nHost: t\r\n\r\n');
    const unread = await responses.next();
    await within(server.flushed(), 'the flush of none');
    read.end('all of it');
    await within(server.flushed(), 'the flush of one who reads');
    await reader.until('all of it\r\n0\r\n\r\n');
    await sleeper.until('start');
    sleeper.tcp.pause();
    for (let i = 0; i < 200; i++) unread.write('x'.repeat(100_000));
    let aborts = 0;
    unread.onAborted(() => aborts++);
    unread.end();
    assert.equal(unread.closed, true);
    await within(server.flushed(), 'the flush of one who does not');
    sleeper.tcp.resume();
    await within(sleeper.ended, 'the end of its connection');
    assert.equal(aborts, 0);
  });

  test('an abort drops the connection, and says so once', async (t) => {
    const aborted = new Deferred();
    const responses = new Deferred<HttpResponse>();
    const { incoming } = await openStream(t, make, (_request, response) => {
      response.onAborted(() => aborted.resolve());
      response.begin(200, {});
      response.write('one');
      responses.resolve(response);
    });
    const cut = new Deferred();
    incoming.on('close', () => cut.resolve());
    incoming.resume();
    const response = await responses.promise;
    response.abort();
    await within(Promise.all([aborted.promise, cut.promise]), 'the abort');
    assert.deepEqual([incoming.complete, response.closed], [false, true]);
    response.abort();
  });

  test('a large response in one call', async (t) => {
    const { incoming } = await openStream(t, make, (_request, response) => {
      response.respond(200, {}, 'x'.repeat(8_000_000));
    });
    assert.equal(incoming.headers['content-length'], '8000000');
    const ended = new Deferred();
    let bytes = 0;
    incoming.on('data', (part: Buffer) => (bytes += part.length));
    incoming.on('end', () => ended.resolve());
    await within(ended.promise, 'the end');
    assert.equal(bytes, 8_000_000);
  });
}
