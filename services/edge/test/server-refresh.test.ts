import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Reply } from '@pharos/testkit';
import { startBackend } from './support/backend.ts';
import { type Json, ProtocolClient } from './support/clients.ts';
import { memoryWorld, startEdge } from './support/world.ts';

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);
// Far enough for an answer to be there before it.
const soon = (): number => nowSeconds() + 3;
const later = (): number => nowSeconds() + 3_600;

describe('the backend says whether something goes on that expires', { concurrency: true }, () => {
  test('connections: prolonged, with another info; over; without an answer they go on', async (t) => {
    const replies: Record<string, () => Reply> = {
      stays: () => ({ result: { expire_at: later(), info: { age: 2 } } }),
      over: () => ({ result: { expired: true } }),
      silent: () => ({}),
      refused: () => ({ error: { code: 1_000, message: 'x' } }),
      past: () => ({ result: { expire_at: nowSeconds() - 1 } }),
      banned: () => ({ disconnect: { code: 4_501, reason: 'banned' } }),
      away: () => (response) => void response.writeHead(500).end(),
    };
    const { backend, env } = await startBackend(
      t,
      ({ path, json }) => {
        if (path !== '/connect') return replies[json['user'] as string]?.() ?? {};
        return { result: { user: json['name'], expire_at: soon(), info: { age: 1 } } };
      },
      { connect: true, refresh: true },
    );
    const edge = await startEdge(t, memoryWorld(), { env });
    const clients = new Map<string, ProtocolClient>();
    for (const name of Object.keys(replies)) {
      const client = await ProtocolClient.open(t, edge);
      const { connect, error } = await client.call({ connect: { name } });
      assert.equal(error, undefined);
      // Clients have nothing to refresh.
      assert.deepEqual([(connect as Json)['expires'], (connect as Json)['ttl']], [undefined, undefined]);
      clients.set(name, client);
    }
    const of = (name: string): ProtocolClient => clients.get(name) as ProtocolClient;
    const closed = { code: 3_005, reason: 'connection expired' };
    for (const name of ['over', 'silent', 'refused', 'past']) assert.deepEqual(await of(name).closed, closed, name);
    assert.deepEqual(await of('banned').closed, { code: 4_501, reason: 'banned' });
    const asked = await backend.requests.waitUntil(
      (all) => all.filter(({ path }) => path === '/refresh').length >= Object.keys(replies).length,
      'questions about all of them',
    );
    assert.deepEqual(
      asked.find(({ path, json }) => path === '/refresh' && json['user'] === 'away')?.json['transport'],
      'websocket',
    );
    assert.equal(await of('away').errorOf({ ping: {} }), 0);
    await of('stays').subscribe('room');
    await of('stays').publish('room', 1);
    const [publication] = await of('stays').publications.waitForCount(1);
    assert.deepEqual((publication?.info as Json | undefined)?.['conn_info'], { age: 2 });
    of('stays').send({ refresh: { token: 'x' } });
    assert.equal((await of('stays').closed).code, 3_501);
  });

  test('subscriptions', async (t) => {
    const replies: Record<string, () => Reply> = {
      stays: () => ({ result: { expire_at: later(), info: { age: 2 } } }),
      forever: () => ({ result: {} }),
      over: () => ({ result: { expired: true } }),
      silent: () => ({}),
      past: () => ({ result: { expire_at: nowSeconds() - 1 } }),
      away: () => (response) => void response.writeHead(500).end(),
    };
    const { backend, env } = await startBackend(
      t,
      ({ path, json }) => {
        if (path === '/sub_refresh') return replies[json['channel'] as string]?.() ?? {};
        return { result: { expire_at: soon(), info: { age: 1 } } };
      },
      { channels: ['SUBSCRIBE', 'SUB_REFRESH'] },
    );
    const edge = await startEdge(t, memoryWorld(), { env });
    const client = await ProtocolClient.connect(t, edge);
    for (const channel of Object.keys(replies)) {
      const { subscribe } = await client.subscribe(channel);
      assert.equal((subscribe as Json)['expires'], undefined);
    }
    await client.messages.waitUntil(
      () => client.pushes.filter((push) => push['unsubscribe'] !== undefined).length >= 3,
      'three ends',
    );
    const ended = client.pushes.flatMap(({ channel, unsubscribe }) =>
      unsubscribe === undefined ? [] : [`${String(channel)} ${String((unsubscribe as Json)['code'])}`],
    );
    assert.deepEqual(ended.toSorted(), ['over 2501', 'past 2501', 'silent 2501']);
    const asked = await backend.requests.waitUntil(
      (all) => all.filter(({ path }) => path === '/sub_refresh').length >= Object.keys(replies).length,
      'questions about all of them',
    );
    assert.deepEqual(asked.find(({ path }) => path === '/sub_refresh')?.json['client'], client.id);
    for (const channel of ['away', 'forever', 'stays'])
      assert.equal(await client.errorOf({ publish: { channel, data: 1 } }), 0);
    await client.publications.waitForCount(3);
    const infos = client.publications.items.map(({ info }) => (info as Json)['chan_info']);
    assert.deepEqual(infos, [{ age: 1 }, { age: 1 }, { age: 2 }]);
    client.send({ sub_refresh: { channel: 'stays', token: 'x' } });
    assert.equal((await client.closed).code, 3_501);
  });
});
