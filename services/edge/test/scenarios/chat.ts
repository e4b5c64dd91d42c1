import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolClient, TextClient } from '../support/clients.ts';
import { untilMetric } from '../support/metrics.ts';
import { startEdge, startOutsider, type World } from '../support/world.ts';

const uuidV4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The plain-text chat: on any number of edges, everybody reads everybody. */
export function chatScenarios(makeWorld: () => World, socket: 'uws' | 'ws'): void {
  test('a text reaches everybody on every edge as [<id>] <text>, its sender too', async (t) => {
    const world = makeWorld();
    const one = await startEdge(t, world, { socket });
    const two = await startEdge(t, world, { socket });
    const ann = await TextClient.joined(t, one);
    const bob = await TextClient.joined(t, one);
    const eve = await TextClient.joined(t, two);
    assert.match(ann.id, uuidV4);
    assert.equal(new Set([ann.id, bob.id, eve.id]).size, 3);

    ann.client.send('hello');
    eve.client.send('hi there');
    const expected = [`[${ann.id}] hello`, `[${eve.id}] hi there`];
    for (const { client } of [ann, bob, eve]) {
      await client.received.waitUntil(() => client.texts.length >= 2, 'both texts');
      assert.deepEqual([...client.texts].sort(), [...expected].sort());
    }
    // One log, one order.
    assert.deepEqual(bob.client.texts, ann.client.texts);
    assert.deepEqual(eve.client.texts, ann.client.texts);
  });

  test('empty, multi-byte and protocol-like texts arrive as they were sent', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const { client, id } = await TextClient.joined(t, edge);
    const texts = ['', ' ', 'grüße, мир, 世界 🎉', '{"push":{}}', '"quoted"', 'two\nlines', `[${id}] nested`, '\u0000'];
    for (const text of texts) client.send(text);
    await client.received.waitUntil(() => client.texts.length >= texts.length, 'all texts');
    assert.deepEqual(
      client.texts,
      texts.map((text) => `[${id}] ${text}`),
    );
  });

  test('the texts of each sender keep their order, on every edge', async (t) => {
    const world = makeWorld();
    const one = await startEdge(t, world, { socket });
    const two = await startEdge(t, world, { socket });
    const senders = [await TextClient.joined(t, one), await TextClient.joined(t, one), await TextClient.joined(t, two)];
    // Fewer than may wait for the log at once.
    const count = 200;
    for (let index = 0; index < count; index++) for (const { client } of senders) client.send(String(index));
    const expected = Array.from({ length: count }, (_, index) => String(index));
    for (const { client } of senders) {
      await client.received.waitUntil(() => client.texts.length >= senders.length * count, 'all texts');
      assert.equal(client.texts.length, senders.length * count);
      for (const { id } of senders) {
        const prefix = `[${id}] `;
        const mine = client.texts.filter((text) => text.startsWith(prefix)).map((text) => text.slice(prefix.length));
        assert.deepEqual(mine, expected);
      }
    }
  });

  test('what anything else puts on the topic reaches text clients as its text', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket });
    const { client } = await TextClient.joined(t, edge);
    const outsider = await startOutsider(t, world);
    const lines = ['plain words', '{"text":"not a client of Pharos"}', '"a JSON string"', 'zwei\nZeilen'];
    for (const line of lines) await outsider.append('chat', line);
    await outsider.append('another-room', 'not for the chat');
    await outsider.append('chat', 'the last');
    await client.received.waitFor((text) => text === 'the last', 'the last line');
    assert.deepEqual(client.texts, [...lines, 'the last']);
  });

  test('text clients and protocol clients see each other', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const text = await TextClient.joined(t, edge);
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('chat');
    text.client.send('from text');
    await client.publications.waitForCount(1);
    const [publication] = client.publications.items;
    assert.equal(publication?.data, `[${text.id}] from text`);
    assert.equal(publication.info?.client, text.id);

    await client.publish('chat', 'a string');
    await client.publish('chat', { text: 'an object', room: 1 });
    await client.publish('chat', { other: [1, 2] });
    await text.client.received.waitUntil(() => text.client.texts.length >= 4, 'all texts');
    assert.deepEqual(text.client.texts.slice(1), [
      `[${client.id}] a string`,
      `[${client.id}] an object`,
      '{"other":[1,2]}',
    ]);
  });

  test('every path that no route takes is the chat', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const { client } = await TextClient.joined(t, edge);
    for (const path of ['', 'room/7?name=x', 'connection', 'connection/websocket/', '%F0%9F%8E%89']) {
      const other = await TextClient.open(t, edge.chatUrl + path);
      other.send(`from ${path}`);
      await client.received.waitFor((text) => text.endsWith(`] from ${path}`), `the text from /${path}`);
    }
  });

  test('a binary frame is refused with 1003, and nobody sees it', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const { client, id } = await TextClient.joined(t, edge);
    const other = await TextClient.open(t, edge.chatUrl);
    other.send(Buffer.from('bytes'));
    assert.deepEqual(await other.closed, { code: 1003, reason: 'plain-text chat takes text messages' });
    client.send('still here');
    await client.received.waitFor((text) => text === `[${id}] still here`, 'its text');
    assert.deepEqual(client.texts, [`[${id}] still here`]);
  });

  test('a peer that leaves is taken out, however it leaves', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const stays = await TextClient.joined(t, edge);
    const closes = await TextClient.joined(t, edge);
    const vanishes = await TextClient.joined(t, edge);
    await untilMetric(edge, 'pharos_edge_connections', 3, { transport: 'text' });
    closes.client.ws.close(1000);
    vanishes.client.ws.terminate();
    await untilMetric(edge, 'pharos_edge_connections', 1, { transport: 'text' });
    await untilMetric(edge, 'pharos_edge_subscriptions', 1);
    stays.client.send('alone');
    await stays.client.received.waitFor((text) => text.endsWith('] alone'), 'its text');
  });
}
