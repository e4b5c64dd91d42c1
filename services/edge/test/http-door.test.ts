import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSocketServer } from '@pharos/socket-server';
import { Collector } from '@pharos/testkit';
import { BodyBudget } from '../src/accept/body-budget.ts';
import { HttpDoor } from '../src/accept/http-door.ts';
import { OriginCheck } from '../src/accept/origin.ts';
import { KnownEdges } from '../src/control/known-edges.ts';
import { ask } from './support/http-clients.ts';
import { RawClient } from './support/raw-client.ts';
import { socketServers } from './support/world.ts';

describe('bodies', () => {
  for (const implementation of socketServers) {
    test(`that are not there in time are answered so, on ${implementation}`, async (t) => {
      const door = new HttpDoor({ origin: new OriginCheck({ allowed: [], loopbackOnly: true }) }, 100);
      const server = await createSocketServer({ implementation, onWarning: assert.fail });
      const outcomes = new Collector<string>();
      server.http({
        method: 'POST',
        path: '/',
        handle: async (request, response) => {
          const body = await door.body(request, response, 10);
          outcomes.add(String(body));
          if (typeof body !== 'string') door.respond(request, response, 200, 'taken');
        },
      });
      t.after(() => server.stop());
      const port = await server.listen('127.0.0.1', 0);
      assert.equal((await ask(port, '/', { method: 'POST', body: 'in time' })).body, 'taken');
      await assert.rejects(RawClient.open(t, port, '/', assert.fail), /404/);
      const slow = ask(port, '/', { method: 'POST', headers: { 'content-length': '5' } });
      assert.equal((await slow.catch(() => ({ status: 408 }))).status, 408);
      await outcomes.waitForCount(2);
      assert.deepEqual(outcomes.items, ['in time', 'too_slow']);
    });
  }

  test('hold no more than there is room for, and give it back', () => {
    const budget = new BodyBudget(10_000);
    const head = (length: string, host = 1) => ({
      method: 'POST',
      path: '/',
      query: '',
      remoteAddress: `192.0.2.${host}`,
      header: () => length,
    });
    const [small, large] = [budget.take(head('3', 1), 2_500), budget.take(head('', 2), 2_500)];
    assert.deepEqual([small, large], [1_024, 2_500]);
    assert.equal(budget.take(head('1500', 1), 2_500), undefined, 'more than a quarter for one address');
    assert.deepEqual([budget.take(head('x', 3), 2_500), budget.take(head('999999999', 4), 2_500)], [2_500, 2_500]);
    assert.equal(budget.take(head('2000', 5), 2_500), undefined);
    assert.equal(budget.take(head('-1', 5), 2_500), undefined);
    assert.equal(budget.take(head('1400', 5), 2_500), 1_400);
    budget.give(head('', 2), 2_500);
    assert.equal(budget.take(head('2000', 2), 2_500), 2_000);
  });
});

test('which edges are there: by what they say, and as long as they do', () => {
  let now = 0;
  const edges = new KnownEdges(() => now);
  const key = Buffer.from('k');
  const isThere = (node: string): boolean => edges.get(node)?.key === key;
  assert.deepEqual(
    [edges.heard('a', true, key), edges.heard('a', true, key), edges.heard('b', false, key)],
    [true, false, false],
  );
  assert.deepEqual([isThere('a'), isThere('b'), isThere('c')], [true, false, false]);
  now = 34_999;
  assert.equal(isThere('a'), true);
  now = 35_000;
  assert.equal(isThere('a'), false);
  edges.heard('a', true, key);
  assert.equal(isThere('a'), true);
  edges.heard('a', false, key);
  assert.equal(isThere('a'), false);
});

test('an edge that has just started waits for the words of others, and only then', async () => {
  let now = 0;
  const edges = new KnownEdges(() => now);
  const key = Buffer.from('k');
  const [comes, goes, stops] = ['comes', 'goes', 'stops'].map((node) => edges.find(node, 600_000));
  edges.heard('other', true, key);
  edges.heard('comes', true, key);
  edges.heard('goes', false, key);
  assert.equal((await comes)?.key, key);
  assert.equal(await goes, undefined);
  assert.equal(await edges.find('goes', 600_000), undefined, 'it is known that it went');
  assert.equal(await edges.find('silent', 1), undefined);
  edges.stop();
  assert.equal(await stops, undefined);
  now = 10_000;
  assert.equal(await edges.find('unknown', 600_000), undefined, 'who is there was heard by now');
  // The logs could be read only now.
  edges.learn();
  const late = edges.find('late', 600_000);
  edges.heard('late', true, key);
  assert.equal((await late)?.key, key);
});
