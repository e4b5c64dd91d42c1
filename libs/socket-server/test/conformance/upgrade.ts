import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Deferred } from '@pharos/lifecycle';
import { type RequestHead, type SocketServer, TrustedProxies } from '../../src/index.ts';
import {
  connect,
  type MakeServer,
  raw,
  RecordingHandler,
  start,
  startRecording,
  upgradeRequest,
  within,
} from './harness.ts';

export function upgradeConformance(make: MakeServer): void {
  test('upgrade sees the request, and the head stays valid afterwards', async (t) => {
    const { url, handler } = await startRecording(t, make);
    let head: RequestHead | undefined;
    handler.upgrade = (given) => {
      head = given;
      return { accept: { id: 7 } };
    };
    const client = await connect(t, `${url}?a=1&b=%20x`, [], { 'X-Test': 'Value', cookie: 'a=b' });
    const socket = await handler.opened.next();
    assert.ok(head);
    assert.deepEqual([head.method, head.path, head.query], ['GET', '/', 'a=1&b=%20x']);
    assert.deepEqual([head.header('x-test'), head.header('cookie'), head.header('absent')], ['Value', 'a=b', '']);
    assert.deepEqual([head.remoteAddress, socket.remoteAddress], ['127.0.0.1', '127.0.0.1']);
    assert.deepEqual(socket.data, { id: 7 });
    client.ws.close();
  });

  test("behind a trusted proxy the address is the client's, for sockets and requests; else the header means nothing", async (t) => {
    const trustedProxies = new TrustedProxies(['127.0.0.0/8']);
    const { server, url, port, handler } = await startWithAddressRoute(t, make, trustedProxies);
    const forwarded = { 'X-Forwarded-For': '6.6.6.6, 198.51.100.1' };
    const seen = async (): Promise<string[]> => {
      await connect(t, url, [], forwarded);
      const response = await fetch(`http://127.0.0.1:${port}/address`, { headers: forwarded });
      return [(await handler.opened.next()).remoteAddress, await response.text()];
    };
    assert.deepEqual(await seen(), ['198.51.100.1', '198.51.100.1']);
    trustedProxies.replace(['10.0.0.0/8']);
    assert.deepEqual(await seen(), ['127.0.0.1', '127.0.0.1']);
    await server.stop();
  });

  test('a header that comes twice is joined', async (t) => {
    const { port, handler } = await startRecording(t, make);
    const seen = new Deferred<string[]>();
    handler.upgrade = (head) => {
      seen.resolve([head.header('x-twice'), head.header('cookie')]);
      return { accept: { id: 1 } };
    };
    raw(t, port, upgradeRequest('/', 'X-Twice: a', 'x-twice: b', 'Cookie: a=1', 'Cookie: b=2'));
    assert.deepEqual(await within(seen.promise, 'the upgrade'), ['a, b', 'a=1; b=2']);
  });

  test('the handler selects one of the subprotocols offered, or none', async (t) => {
    const { url, handler } = await startRecording(t, make);
    const offers: (readonly string[])[] = [];
    handler.upgrade = (_head, offered) => {
      offers.push(offered);
      const protocol = offered.find((name) => name === 'second');
      return protocol === undefined ? { accept: { id: 1 } } : { accept: { id: 1 }, protocol };
    };
    assert.equal((await connect(t, url, ['first', 'second'])).ws.protocol, 'second');
    assert.equal((await connect(t, url)).ws.protocol, '');
    assert.deepEqual(offers, [['first', 'second'], []]);
  });

  test('a subprotocol that was not offered is a reported 500', async (t) => {
    const reported = new Deferred<[unknown, string]>();
    const onError = (error: unknown, context: string): void => reported.resolve([error, context]);
    const { port, handler } = await startRecording(t, make, { onError });
    handler.upgrade = () => ({ accept: { id: 1 }, protocol: 'mine' });
    const client = raw(t, port, upgradeRequest('/', 'Sec-WebSocket-Protocol: yours'));
    await client.until('HTTP/1.1 500 ');
    const [error, context] = await within(reported.promise, 'the report');
    assert.match(String(error), /"mine" was selected but not offered/);
    assert.equal(context, 'upgrade of /');
  });

  test('the handler refuses with a status, headers and a body', async (t) => {
    const { port, handler } = await startRecording(t, make);
    const body = 'später';
    handler.upgrade = () => ({ refuse: { status: 503, headers: { 'Retry-After': '7' }, body } });
    const client = raw(t, port, upgradeRequest('/'));
    await client.until(Buffer.from(body).toString('latin1'));
    assert.match(client.received(), /^HTTP\/1\.1 503 Service Unavailable\r\n/);
    assert.match(client.received(), /\r\nretry-after: 7\r\n/i);
    assert.match(client.received(), /\r\ncontent-length: 7\r\n/i);
    assert.equal(handler.opened.size, 0);
  });

  test('a handler that throws refuses with 500 and is reported', async (t) => {
    const reported = new Deferred<unknown>();
    const { port, handler } = await startRecording(t, make, { onError: (error) => reported.resolve(error) });
    const failure = new Error('no');
    handler.upgrade = () => {
      throw failure;
    };
    await raw(t, port, upgradeRequest('/')).until('HTTP/1.1 500 ');
    assert.equal(await within(reported.promise, 'the report'), failure);
  });

  const malformed: [string, string, string][] = [
    ['without a key', upgradeRequest('/').replace(/Sec-WebSocket-Key.*\r\n/, ''), '400'],
    ['with a short key', upgradeRequest('/').replace(/(Sec-WebSocket-Key: ).*/, '$1abc'), '400'],
    ['with a key that is no base64', upgradeRequest('/').replace('dGhlIHNhbX', '??????????'), '400'],
    ['of another version', upgradeRequest('/').replace('Version: 13', 'Version: 12'), '426'],
    ['with a malformed protocol list', upgradeRequest('/', 'Sec-WebSocket-Protocol: a,,b'), '400'],
    ['with a protocol twice', upgradeRequest('/', 'Sec-WebSocket-Protocol: a, a'), '400'],
  ];
  for (const [what, request, status] of malformed) {
    test(`an upgrade ${what} is ${status} and reaches no handler`, async (t) => {
      const { port, handler } = await startRecording(t, make);
      handler.upgrade = () => assert.fail('must not be asked');
      const client = raw(t, port, request);
      await client.until(`HTTP/1.1 ${status} `);
      if (status === '426') await client.until('\r\n\r\n');
      if (status === '426') assert.match(client.received(), /sec-websocket-version: 13\r\n/i);
    });
  }

  test('routes: the exact path before `*`, and 404 where there is no route', async (t) => {
    const exact = new RecordingHandler();
    const rest = new RecordingHandler();
    const { url } = await start(t, make, (server) => {
      server.webSocket({ path: '/a/b', handler: exact, maxPayloadBytes: 100 });
      server.webSocket({ path: '*', handler: rest, maxPayloadBytes: 100 });
    });
    for (const path of ['/', '/a', '/a/', '/a/c', '/a/b/', '/other?x=/a/b', '/%2a']) await connect(t, `${url}${path}`);
    assert.equal(exact.opened.size, 0);
    await connect(t, `${url}/a/b?x=1`);
    await exact.opened.next();
    await rest.opened.take(7);
    const lone = await startRecording(t, make);
    await raw(t, lone.port, upgradeRequest('/nowhere')).until('HTTP/1.1 404 ');
    const none = await start(t, make, () => undefined);
    await raw(t, none.port, upgradeRequest('/')).until('HTTP/1.1 404 ');
  });
}

async function startWithAddressRoute(
  t: TestContext,
  make: MakeServer,
  trustedProxies: TrustedProxies,
): Promise<{ server: SocketServer; url: string; port: number; handler: RecordingHandler }> {
  const handler = new RecordingHandler();
  const declare = (server: SocketServer): void => {
    server.webSocket({ path: '/', handler, maxPayloadBytes: 100 });
    server.http({
      method: 'GET',
      path: '/address',
      handle: (request, response): void => response.respond(200, {}, request.remoteAddress),
    });
  };
  const started = await start(t, make, declare, { trustedProxies });
  return { ...started, url: `${started.url}/`, handler };
}
