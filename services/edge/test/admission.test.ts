import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { RequestHead } from '@pharos/socket-server';
import { defaultConnectionLimit } from '../src/accept/descriptors.ts';
import { isLoopbackName, OriginCheck } from '../src/accept/origin.ts';
import { TextClient } from './support/clients.ts';
import { metric, untilMetric } from './support/metrics.ts';
import { RawClient } from './support/raw-client.ts';
import { memoryWorld, socketServers, startEdge } from './support/world.ts';

const onLinux = process.platform === 'linux';

function head(origin: string, host: string): RequestHead {
  const headers: Readonly<Record<string, string>> = { origin, host };
  return { method: 'GET', path: '/', query: '', remoteAddress: '127.0.0.1', header: (name) => headers[name] ?? '' };
}

function request(headers: Readonly<Record<string, string>>): RequestHead {
  return { ...head('', ''), header: (name) => headers[name] ?? '' };
}

test('an edge takes as many connections as its process may have descriptors, less 256', { skip: !onLinux }, () => {
  const [, soft] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  assert.equal(defaultConnectionLimit(), Number(soft) > 512 ? Number(soft) - 256 : 10_000);
  const limited = (soft: number | string): number => defaultConnectionLimit({ userLimits: { open_files: { soft } } });
  assert.equal(limited(1_024), 768);
  // Where there is no limit, or next to nothing, or nobody knows.
  for (const unknown of [limited('unlimited'), limited(512), defaultConnectionLimit({})]) assert.equal(unknown, 10_000);
});

describe('requests that are no upgrades', () => {
  const app = 'https://app.example.com';
  const named = new OriginCheck({ allowed: [app], loopbackOnly: false });
  const local = new OriginCheck({ allowed: [app], loopbackOnly: true });
  const any = new OriginCheck({ allowed: ['*'], loopbackOnly: true });

  test('without an origin are those of programs, and of pages of the edge itself', () => {
    assert.equal(named.allowsRequest(request({ host: 'chat.example.com' })), true);
    assert.equal(named.allowsRequest(request({ host: 'x', 'sec-fetch-site': 'same-origin' })), true);
    assert.equal(named.allowsRequest(request({ host: 'x', 'sec-fetch-site': 'none' })), true);
    for (const site of ['cross-site', 'same-site']) {
      assert.equal(named.allowsRequest(request({ host: 'x', 'sec-fetch-site': site })), false, site);
    }
    // A host name that was rebound to 127.0.0.1 names itself, and no origin.
    assert.equal(local.allowsRequest(request({ host: 'evil.example:9001' })), false);
    assert.equal(local.allowsRequest(request({ host: '127.0.0.1:9001' })), true);
    assert.equal(local.allowsRequest(request({ host: 'app.example.com' })), true, 'behind a proxy on this machine');
  });

  test('are answered for pages of other origins: with what the browser knows of the user only for those that are named', () => {
    const cors = (check: OriginCheck, origin: string): string[] =>
      Object.entries(check.crossOriginHeaders(request({ origin, host: 'x' }))).map((header) => header.join(': '));
    const vary = 'Vary: Origin';
    assert.deepEqual(cors(named, app), [
      vary,
      `Access-Control-Allow-Origin: ${app}`,
      'Access-Control-Allow-Credentials: true',
    ]);
    assert.deepEqual(cors(any, app), [vary, `Access-Control-Allow-Origin: ${app}`]);
    for (const origin of ['', 'https://evil.example', 'null']) assert.deepEqual(cors(named, origin), [vary], origin);
    assert.deepEqual(cors(any, 'https://a.example\u0001'), [vary]);
  });
});

describe('the origin check', () => {
  const cases: readonly [allowed: string, loopbackOnly: boolean, origin: string, host: string, passes: boolean][] = [
    // Not a browser.
    ['', false, '', 'chat.example.com', true],
    // The edge's own origin.
    ['', false, 'https://chat.example.com', 'chat.example.com', true],
    ['', false, 'HTTPS://Chat.Example.com', 'chat.example.COM', true],
    ['', false, 'http://chat.example.com:8000', 'chat.example.com:8000', true],
    ['', false, 'http://chat.example.com', 'chat.example.com:8000', false],
    ['', false, 'https://evil.example', 'chat.example.com', false],
    ['', false, 'https://chat.example.com.evil.example', 'chat.example.com', false],
    ['', false, 'https://evil.example/chat.example.com', 'chat.example.com', false],
    ['', false, 'null', 'chat.example.com', false],
    ['', false, 'null', 'null', false],
    ['', false, 'file://', '', false],
    ['', false, 'http://', '', false],
    ['', false, 'chrome-extension://abc', 'abc', false],
    // On loopback only, a host name that was rebound to 127.0.0.1 isn't the edge's own.
    ['', true, 'http://127.0.0.1:9001', '127.0.0.1:9001', true],
    ['', true, 'http://localhost:9001', 'localhost:9001', true],
    ['', true, 'http://app.localhost:9001', 'app.localhost:9001', true],
    ['', true, 'http://[::1]:9001', '[::1]:9001', true],
    ['', true, 'http://evil.example:9001', 'evil.example:9001', false],
    ['', true, 'http://127.0.0.1.evil.example:9001', '127.0.0.1.evil.example:9001', false],
    ['', true, 'http://localhost.evil.example', 'localhost.evil.example', false],
    ['', true, 'http://evil-localhost', 'evil-localhost', false],
    ['', true, 'http://127.0.0.1:9001', '127.0.0.1:9002', false],
    ['', true, 'http://[::2]:9001', '[::2]:9001', false],
    ['', true, 'http://[::1', '[::1', false],
    // The list.
    ['https://app.example.com', true, 'https://app.example.com', '127.0.0.1', true],
    ['https://app.example.com', false, 'https://APP.example.com', 'x', true],
    ['https://app.example.com', false, 'http://app.example.com', 'x', false],
    ['https://app.example.com', false, 'https://app.example.com:444', 'x', false],
    ['https://app.example.com', false, 'https://appxexample.com', 'x', false],
    ['https://*.example.com', false, 'https://a.example.com', 'x', true],
    ['https://*.example.com', false, 'https://a.b.example.com', 'x', true],
    ['https://*.example.com', false, 'https://example.com', 'x', false],
    ['https://*.example.com', false, 'https://.example.com.evil.example', 'x', false],
    ['https://*.example.com', false, 'https://evil.example/a.example.com', 'x', false],
    ['https://*.example.com', false, 'https://evil.example:1@a.example.com', 'x', false],
    ['http://localhost:*', false, 'http://localhost:5173', 'x', true],
    ['*', false, 'https://anything.example', 'x', true],
    ['*', false, 'null', 'x', true],
    ['null', false, 'null', 'x', true],
    ['https://a.example,https://b.example', false, 'https://b.example', 'x', true],
  ];
  for (const [allowed, loopbackOnly, origin, host, passes] of cases) {
    const where = loopbackOnly ? 'on loopback ' : '';
    test(`${where}[${allowed}]: ${origin || 'none'} at ${host || 'no host'} ${passes ? 'passes' : 'is refused'}`, () => {
      const check = new OriginCheck({ allowed: allowed === '' ? [] : allowed.split(','), loopbackOnly });
      assert.equal(check.allows(head(origin, host)), passes);
    });
  }

  test('names of this machine that nobody else can own', () => {
    for (const name of ['localhost', '127.0.0.1', '127.9.9.9', '::1', 'a.localhost']) {
      assert.ok(isLoopbackName(name), name);
    }
    for (const name of ['', '0.0.0.0', '128.0.0.1', '127.0.0.1.example', 'localhost.example', '::', '::2']) {
      assert.ok(!isLoopbackName(name), name);
    }
  });
});

for (const socket of socketServers) {
  describe(`who may come in, on ${socket}`, () => {
    test('a foreign origin is refused with 403 on both routes, the own one and the list are let in', async (t) => {
      const env = { PHAROS_CLIENT_ALLOWED_ORIGINS: 'https://app.example.com,https://*.example.org' };
      const edge = await startEdge(t, memoryWorld(), { socket, env });
      for (const url of [edge.chatUrl, edge.webSocketUrl]) {
        for (const origin of ['https://evil.example', 'http://rebound.example', 'null']) {
          await assert.rejects(TextClient.open(t, url, [], { origin }), /response: 403/, origin);
        }
        for (const origin of ['https://app.example.com', 'https://a.example.org', `http://127.0.0.1:${edge.port}`]) {
          await TextClient.open(t, url, [], { origin });
        }
      }
      assert.equal(await metric(edge, 'pharos_edge_connections_refused_total', { reason: 'origin' }), 6);
    });

    test('a rebound host name does not make a page our own', async (t) => {
      const edge = await startEdge(t, memoryWorld(), { socket });
      const rebound = { Host: 'rebound.example', Origin: 'http://rebound.example' };
      await assert.rejects(
        RawClient.open(t, edge.port, '/', () => undefined, rebound),
        /403/,
      );
    });

    test('over the connection limit: 503, until somebody leaves; both kinds count together', async (t) => {
      const edge = await startEdge(t, memoryWorld(), { socket, env: { PHAROS_CLIENT_CONNECTION_LIMIT: '2' } });
      const text = await TextClient.open(t, edge.chatUrl);
      await TextClient.open(t, edge.webSocketUrl);
      await untilMetric(edge, 'pharos_edge_connections', 2);
      assert.deepEqual(edge.edge.readiness(), { ready: false, reasons: ['at the connection limit'] });
      for (const url of [edge.chatUrl, edge.webSocketUrl]) {
        await assert.rejects(TextClient.open(t, url), /response: 503/);
      }
      assert.equal(await metric(edge, 'pharos_edge_connections_refused_total', { reason: 'connection_limit' }), 2);
      text.ws.terminate();
      await untilMetric(edge, 'pharos_edge_connections', 1);
      assert.equal(edge.edge.readiness().ready, true);
      await TextClient.open(t, edge.chatUrl);
    });

    test('without the chat there is no route for it', async (t) => {
      const edge = await startEdge(t, memoryWorld(), { socket, env: { PHAROS_CHAT_ENABLED: 'false' } });
      await assert.rejects(TextClient.open(t, edge.chatUrl), /response: 404/);
      await TextClient.open(t, edge.webSocketUrl);
    });
  });
}

test('an edge that listens on the IPv6 loopback holds to loopback names, too', async (t) => {
  const edge = await startEdge(t, memoryWorld(), { env: { PHAROS_LISTEN: '[::1]:0' } });
  const url = `ws://[::1]:${edge.port}/`;
  await TextClient.open(t, url, [], { origin: `http://[::1]:${edge.port}` });
  const rebound = { origin: 'http://rebound.example', headers: { Host: 'rebound.example' } };
  await assert.rejects(TextClient.open(t, url, [], rebound), /response: 403/);
});
