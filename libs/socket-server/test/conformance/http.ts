import assert from 'node:assert/strict';
import { type IncomingMessage, request } from 'node:http';
import { test, type TestContext } from 'node:test';
import { Deferred } from '@pharos/lifecycle';
import { type HttpResponse, type HttpRoute, type SocketServer, SocketServerError } from '../../src/index.ts';
import { Inbox, type MakeServer, raw, RecordingHandler, start, upgradeRequest, within } from './harness.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

function ask(
  port: number,
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = new Deferred<Answer>();
  const sent = request({ port, method, path, headers, agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (part: string) => (text += part));
    response.on('end', () =>
      answer.resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
    );
    response.on('error', (error) => answer.reject(error));
  });
  sent.on('error', (error) => answer.reject(error));
  sent.end(body);
  return within(answer.promise, `the answer to ${method} ${path}`);
}

/** A server with one route for `GET /`. */
function startGet(t: TestContext, make: MakeServer, handle: HttpRoute['handle']): ReturnType<typeof start> {
  return start(t, make, (server) => server.http({ method: 'GET', path: '/', handle }));
}

function text(response: HttpResponse, body: string, status = 200): void {
  response.respond(status, { 'Content-Type': 'text/plain' }, body);
}

function declareAll(server: SocketServer): void {
  const route = (method: HttpRoute['method'], path: string, body: string): void => {
    server.http({ method, path, handle: (_request, response) => text(response, body) });
  };
  route('GET', '/a', 'get a');
  route('POST', '/a', 'post a');
  route('GET', '/', 'root');
  route('PUT', '*', 'put any');
  server.webSocket({ path: '/socket', handler: new RecordingHandler(), maxPayloadBytes: 100 });
}

export function httpConformance(make: MakeServer): void {
  test('a long URL and long cookies are taken', async (t) => {
    const { port } = await startGet(t, make, (request, response) =>
      text(response, `${request.query.length} ${request.header('cookie').length}`),
    );
    const long = 'x'.repeat(30_000);
    assert.deepEqual((await ask(port, 'GET', `/?${long}`, undefined, { Cookie: long })).body, '30000 30000');
  });

  test('routes by method and path; 404, 405 with Allow, 426', async (t) => {
    const { port } = await start(t, make, declareAll);
    assert.equal((await ask(port, 'GET', '/a?x=1')).body, 'get a');
    assert.equal((await ask(port, 'POST', '/a', 'x')).body, 'post a');
    assert.equal((await ask(port, 'GET', '/')).body, 'root');
    assert.equal((await ask(port, 'PUT', '/anything/at/all')).body, 'put any');
    const wrongMethod = await ask(port, 'DELETE', '/a');
    assert.deepEqual([wrongMethod.status, wrongMethod.headers.allow], [405, 'GET, POST, PUT, HEAD']);
    assert.equal((await ask(port, 'PATCH', '/nowhere')).headers.allow, 'PUT');
    const { port: plain } = await start(t, make, (server) => {
      server.http({ method: 'GET', path: '/a', handle: (_request, response) => text(response, 'a') });
      server.webSocket({ path: '/socket', handler: new RecordingHandler(), maxPayloadBytes: 100 });
      server.webSocket({ path: '*', handler: new RecordingHandler(), maxPayloadBytes: 100 });
    });
    assert.equal((await ask(plain, 'GET', '/a/')).status, 404);
    const upgrade = await ask(plain, 'GET', '/socket');
    assert.deepEqual([upgrade.status, upgrade.headers.upgrade], [426, 'websocket']);
  });

  test('the request as the handler sees it, also after its first turn', async (t) => {
    const { port } = await startGet(t, make, async (request, response) => {
      await new Promise<void>((resolve) => setImmediate(resolve));
      const seen = [request.method, request.path, request.query, request.header('x-one'), request.remoteAddress];
      text(response, JSON.stringify(seen));
    });
    const { body } = await ask(port, 'GET', '/?q=%C3%BC', undefined, { 'X-One': '1' });
    assert.deepEqual(JSON.parse(body), ['GET', '/', 'q=%C3%BC', '1', '127.0.0.1']);
  });

  test('a path that has both: only a WebSocket upgrade goes to the WebSocket route', async (t) => {
    const handler = new RecordingHandler();
    const { port } = await start(t, make, (server) => {
      server.webSocket({ path: '/', handler, maxPayloadBytes: 100 });
      server.http({ method: 'GET', path: '/', handle: (_request, response) => text(response, 'the page') });
    });
    assert.equal((await ask(port, 'GET', '/')).body, 'the page');
    const onlyKey = upgradeRequest('/').replace('Upgrade: websocket\r\nConnection: Upgrade\r\n', '');
    await raw(t, port, onlyKey).until('the page');
    await raw(t, port, upgradeRequest('/').replace('Upgrade: websocket', 'Upgrade: h2c')).until('the page');
    assert.equal(handler.opened.size, 0);
    await raw(t, port, upgradeRequest('/').replace('Upgrade: websocket', 'Upgrade: WebSocket')).until('HTTP/1.1 101 ');
  });

  test('HEAD answers with the head of GET', async (t) => {
    const { port } = await startGet(t, make, (_request, response) => text(response, 'grüße'));
    const answer = await ask(port, 'HEAD', '/');
    assert.deepEqual([answer.status, answer.headers['content-length'], answer.body], [200, '7', '']);
    const ended = new Deferred<boolean>();
    const { port: streaming } = await startGet(t, make, (_request, response) => {
      response.onAborted(() => ended.resolve(response.closed));
      response.begin(200, { 'X-Stream': 'yes' });
      response.write('ignored');
    });
    const head = await ask(streaming, 'HEAD', '/');
    assert.deepEqual([head.headers['x-stream'], head.body], ['yes', '']);
    assert.equal(await within(ended.promise, 'the end'), true);
  });

  test('204 and 304 have neither body nor length', async (t) => {
    let status = 204;
    const { port } = await startGet(t, make, (_request, response) => response.respond(status, { etag: '"x"' }));
    assert.equal((await ask(port, 'GET', '/')).headers['content-length'], undefined);
    status = 304;
    const answer = await ask(port, 'GET', '/');
    assert.deepEqual([answer.status, answer.headers.etag, answer.headers['content-length']], [304, '"x"', undefined]);
  });

  test('requests pipelined on one connection are answered in order', async (t) => {
    const { port } = await startGet(t, make, (request, response) => text(response, `<${request.query}>`));
    const get = (query: string): string => `GET /?${query} HTTP/1.1\r\nHost: test\r\n\r\n`;
    const client = raw(t, port, get('1') + get('2') + get('3'));
    await client.until('<3>');
    assert.deepEqual(client.received().match(/<\d>/g), ['<1>', '<2>', '<3>']);
  });

  test('bodies: empty, at the limit, chunked', async (t) => {
    const { port } = await start(t, make, (server) =>
      server.http({
        method: 'POST',
        path: '/',
        handle: async (request, response) => text(response, `${(await request.body(100_000)).length}`),
      }),
    );
    assert.equal((await ask(port, 'POST', '/', '')).body, '0');
    assert.equal((await ask(port, 'POST', '/', 'x'.repeat(100_000))).body, '100000');
    const chunked = raw(t, port, 'POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    chunked.tcp.write('4\r\ndefg\r\n0\r\n\r\n');
    await chunked.until('\r\n\r\n7');
  });

  test('a body over its limit is refused, announced or not, and answered with 413', async (t) => {
    const errors = new Inbox<unknown>();
    const { port } = await start(t, make, (server) =>
      server.http({
        method: 'POST',
        path: '/',
        handle: async (request, response) => {
          const body = await request.body(10).catch((error: unknown) => {
            errors.push(error);
            throw error;
          });
          text(response, body.toString());
        },
      }),
    );
    const answer = await ask(port, 'POST', '/', 'x'.repeat(11));
    assert.deepEqual([answer.status, answer.body], [413, 'request body too large: expected at most 10 bytes\n']);
    const announced = raw(t, port, 'POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n');
    await announced.until('HTTP/1.1 413 ');
    const chunked = raw(
      t,
      port,
      'POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nxxxxxxxxxxx\r\n',
    );
    await chunked.until('HTTP/1.1 413 ');
    for (const error of await errors.take(3)) {
      assert.ok(error instanceof SocketServerError && error.code === 'body-too-large');
    }
  });

  test('a body that is not there in time, though it trickles, is answered with 408, and its connection closed', async (t) => {
    const { port } = await start(t, make, (server) =>
      server.http({
        method: 'POST',
        path: '/',
        handle: async (request, response) => text(response, (await request.body(100, 200)).toString()),
      }),
    );
    assert.equal((await ask(port, 'POST', '/', 'in time')).body, 'in time');
    const slow = raw(t, port, 'POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 50\r\n\r\nx');
    const trickle = setInterval(() => slow.tcp.write('x'), 20);
    t.after(() => clearInterval(trickle));
    await slow.until('HTTP/1.1 408 ');
    await within(slow.ended, 'the end of the connection');
  });

  test('the body can be had once and only in the first turn; a peer that leaves meanwhile aborts it', async (t) => {
    const outcomes = new Inbox<string>();
    const codeOf = (error: unknown): string => (error instanceof SocketServerError ? error.code : String(error));
    const { port } = await start(t, make, (server) => {
      server.http({
        method: 'POST',
        path: '/late',
        handle: async (request, response) => {
          await new Promise<void>((resolve) => setImmediate(resolve));
          outcomes.push(await request.body(10).then(String, codeOf));
          text(response, 'done');
        },
      });
      server.http({
        method: 'POST',
        path: '/twice',
        handle: async (request) => {
          const first = request.body(10);
          outcomes.push(await request.body(10).then(String, codeOf));
          outcomes.push(await first.then(String, codeOf));
          await first;
        },
      });
    });
    await ask(port, 'POST', '/late', 'x');
    assert.equal(await outcomes.next(), 'body-unavailable');
    const client = raw(t, port, 'POST /twice HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nabc');
    assert.equal(await outcomes.next(), 'body-unavailable');
    client.tcp.destroy();
    assert.equal(await outcomes.next(), 'aborted');
  });

  test('a handler that throws or rejects is a reported 500, or a broken connection where it had begun', async (t) => {
    const reports = new Inbox<string>();
    const onError = (error: unknown, context: string): void => reports.push(`${context}: ${String(error)}`);
    const declare = (server: SocketServer): void => {
      const handle = (path: string, run: HttpRoute['handle']): void =>
        server.http({ method: 'GET', path, handle: run });
      handle('/throws', () => {
        throw new Error('thrown');
      });
      handle('/rejects', () => Promise.reject(new Error('rejected')));
      handle('/begun', async (_request, response) => {
        response.begin(200, {});
        response.write('partial');
        await new Promise<void>((resolve) => setImmediate(resolve));
        throw new Error('begun');
      });
      handle('/header', (_request, response) => response.respond(200, { 'x-bad': 'a\r\nset-cookie: b' }, ''));
      handle('/length', (_request, response) => response.respond(200, { 'Content-Length': '1' }, ''));
      handle('/order', (_request, response) => void response.write('too early'));
    };
    const { port } = await start(t, make, declare, { onError });
    const expected: [string, RegExp][] = [
      ['/throws', /^GET \/throws: Error: thrown/],
      ['/rejects', /^GET \/rejects: Error: rejected/],
      ['/header', /"x-bad" has characters that HTTP forbids/],
      ['/length', /"Content-Length" is written by the server itself/],
      ['/order', /begin the response before its body/],
    ];
    for (const [path, report] of expected) {
      assert.equal((await ask(port, 'GET', path)).status, 500, path);
      assert.match(await reports.next(), report);
    }
    await assert.rejects(ask(port, 'GET', '/begun'), /aborted|hang up|ECONNRESET/);
    assert.match(await reports.next(), /begun/);
  });

  test('calls after the end are harmless, a second beginning is an error', async (t) => {
    const outcome = new Deferred<unknown[]>();
    const { port } = await startGet(t, make, async (_request, response) => {
      response.begin(200, {});
      assert.throws(() => response.begin(200, {}), /already been begun/);
      response.write('');
      response.end('all');
      response.respond(500, {}, 'no');
      response.begin(500, {});
      response.end('no');
      await new Promise<void>((resolve) => setImmediate(resolve));
      outcome.resolve([response.closed, response.write('no'), response.bufferedAmount()]);
    });
    assert.equal((await ask(port, 'GET', '/')).body, 'all');
    assert.deepEqual(await within(outcome.promise, 'the late calls'), [true, false, 0]);
  });
}
