import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { forgedScenarios } from './scenarios/forged.ts';
import { ProtocolClient, TextClient } from './support/clients.ts';
import { logged } from './support/logs.ts';
import { metric, untilMetric } from './support/metrics.ts';
import { memoryWorld, socketServers, startEdge } from './support/world.ts';

for (const socket of socketServers) {
  describe(`what other programs put on the topic, on ${socket}`, () => forgedScenarios(memoryWorld, socket));
}

describe('messages without a key, and in the wrong lane', () => {
  test('on a log of one lane a message without a key belongs to the chat', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const text = await TextClient.joined(t, edge);
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('chat');
    await world.broker.inject(world.topic, 0, { data: Buffer.from('no key') });
    await client.publications.waitForCount(1);
    await text.client.received.waitFor((line) => line === 'no key', 'the line');
    assert.deepEqual(client.dataOf('chat'), ['no key']);
  });

  test('on a log of several lanes they are counted, named in the log at most once in 10 s a lane, and not delivered', async (t) => {
    const world = memoryWorld();
    const env = { PHAROS_CHANNEL_WITHOUT_NAMESPACE_LANES: '4' };
    const edge = await startEdge(t, world, { env });
    const client = await ProtocolClient.connect(t, edge);
    for (const channel of ['a', 'b', 'c', 'd', 'chat']) await client.subscribe(channel);
    const misrouted = 50;
    for (let index = 0; index < misrouted; index++) {
      // 'a' has the hash 97, so it belongs to lane 1.
      await world.broker.inject(world.topic, 2, { key: 'a', data: Buffer.from('1') });
    }
    await world.broker.inject(world.topic, 2, { data: Buffer.from('no key') });
    await untilMetric(edge, 'pharos_edge_publications_misrouted_total', misrouted + 1);
    assert.equal(logged(edge, 'messages lie in a lane').length, 1);
    await client.publish('a', 'routed');
    await client.publications.waitForCount(1);
    assert.deepEqual(client.dataOf('a'), ['routed']);
    assert.equal(await metric(edge, 'pharos_edge_publications_read_total', { interest: 'local' }), 1);
    await edge.stop();
    const times = logged(edge, 'messages lie in a lane').map((line) => Number(line['times']));
    assert.deepEqual(times, [1, misrouted]);
  });
});
