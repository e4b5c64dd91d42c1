import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Collector, freePort } from '@pharos/testkit';
import { Centrifuge, type PublicationContext, type Subscription } from 'centrifuge';
import { WebSocket } from 'ws';
import type { TestEdge } from '../support/edge.ts';
import { startEdge, type World } from '../support/world.ts';

interface SdkClient {
  readonly client: Centrifuge;
  readonly events: Collector<string>;
}

function sdkClient(t: TestContext, url: string): SdkClient {
  const client = new Centrifuge(url, { websocket: WebSocket, minReconnectDelay: 10, maxReconnectDelay: 50 });
  t.after(() => client.disconnect());
  const events = new Collector<string>();
  client.on('connecting', ({ code }) => events.add(`connecting ${code}`));
  client.on('connected', ({ transport }) => events.add(`connected ${transport}`));
  client.on('disconnected', ({ code }) => events.add(`disconnected ${code}`));
  client.on('error', ({ error }) => events.add(`error ${error.code}`));
  return { client, events };
}

async function subscribed(client: Centrifuge, channel: string, options = {}): Promise<Room> {
  const subscription = client.newSubscription(channel, options);
  const publications = new Collector<PublicationContext>();
  const states = new Collector<string>();
  subscription.on('publication', publications.add);
  subscription.on('subscribed', ({ positioned }) => states.add(`subscribed ${positioned}`));
  subscription.on('subscribing', ({ code }) => states.add(`subscribing ${code}`));
  subscription.on('unsubscribed', ({ code }) => states.add(`unsubscribed ${code}`));
  subscription.subscribe();
  await subscription.ready(60_000);
  return { subscription, publications, states };
}

interface Room {
  readonly subscription: Subscription;
  readonly publications: Collector<PublicationContext>;
  readonly states: Collector<string>;
}

const count = (events: Collector<string>, what: string): number =>
  events.items.filter((event) => event === what).length;

/** The official JavaScript SDK, as applications use it. */
export function sdkScenarios(makeWorld: () => World, socket: 'uws' | 'ws'): void {
  test('two clients on two edges hear each other', async (t) => {
    const world = makeWorld();
    const edges = [await startEdge(t, world, { socket }), await startEdge(t, world, { socket })];
    const clients = edges.map((edge: TestEdge) => sdkClient(t, edge.webSocketUrl).client);
    const rooms: Room[] = [];
    for (const client of clients) {
      client.connect();
      await client.ready(60_000);
      rooms.push(await subscribed(client, 'room'));
    }
    await rooms[0]?.subscription.publish({ text: 'from a', n: 1 });
    await clients[1]?.publish('room', ['from', 'b']);
    for (const { publications } of rooms) {
      await publications.waitForCount(2);
      const data = publications.items.map((publication) => publication.data as unknown);
      assert.deepEqual(data, [{ text: 'from a', n: 1 }, ['from', 'b']]);
      assert.match(String(publications.items[0]?.info?.client), /^[0-9a-f-]{36}$/);
    }
  });

  test('after 3001 it reconnects by itself, is subscribed again and goes on', async (t) => {
    const world = makeWorld();
    // One that was named: of a port that the system picked, uWebSockets.js leaves connections behind that nobody may listen beside.
    const env = { PHAROS_LISTEN: `127.0.0.1:${await freePort()}` };
    const first = await startEdge(t, world, { socket, env });
    const { client, events } = sdkClient(t, first.webSocketUrl);
    client.connect();
    await client.ready(60_000);
    const { subscription, publications, states } = await subscribed(client, 'room', { positioned: true });
    await subscription.publish('before');
    await publications.waitForCount(1);

    await first.edge.drain();
    await first.stop();
    await startEdge(t, world, { socket, env });
    await events.waitUntil(() => count(events, 'connected websocket') >= 2, 'a second connection');
    assert.ok(events.items.includes('connecting 3001'), events.items.join());
    await states.waitUntil(() => count(states, 'subscribed true') >= 2, 'a second subscription');
    await subscription.publish('after');
    await publications.waitForCount(2);
    assert.deepEqual(
      publications.items.map(({ data }) => data as unknown),
      ['before', 'after'],
    );
    assert.equal(count(events, 'disconnected 3001'), 0);
  });

  test('refusals reach the application as they are meant', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const { client } = sdkClient(t, edge.webSocketUrl);
    client.connect();
    await client.ready(60_000);
    await assert.rejects(client.rpc('method', {}), { code: 108 });
    await assert.rejects(client.publish('unheard:of', 1), { code: 102 });
    const subscription = client.newSubscription('unheard:of');
    const ended = new Collector<number>();
    subscription.on('unsubscribed', ({ code }) => ended.add(code));
    subscription.subscribe();
    assert.deepEqual(await ended.waitForCount(1), [102]);

    const withToken = sdkClient(t, edge.webSocketUrl);
    withToken.client.setToken('a.b.c');
    withToken.client.connect();
    await withToken.events.waitFor((event) => event === 'disconnected 3500', 'the final disconnect');
  });
}
