import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolClient } from './support/clients.ts';
import { metric } from './support/metrics.ts';
import { memoryWorld, startEdge } from './support/world.ts';

const namespaces = [
  { name: 'closed', allow_subscribe_for_anonymous: false, allow_publish_for_anonymous: false },
  {
    name: 'read',
    allow_publish_for_anonymous: false,
    allow_publish_for_subscriber: false,
  },
  { name: 'members', allow_publish_for_anonymous: false, allow_publish_for_subscriber: true },
];
const env = { PHAROS_CHANNEL_NAMESPACES: JSON.stringify(namespaces) };

describe('what a command is refused for', () => {
  test('102: the namespace of the channel is not configured', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env });
    const client = await ProtocolClient.connect(t, edge);
    for (const channel of ['unheard:of', ':none', '__proto__:x', 'constructor:x']) {
      assert.equal(await client.errorOf({ subscribe: { channel } }), 102, channel);
      assert.equal(await client.errorOf({ publish: { channel, data: 1 } }), 102, channel);
    }
    assert.equal(await metric(edge, 'pharos_edge_command_errors_total', { code: '102' }), 8);
  });

  test('103: the namespace does not allow it', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env });
    const client = await ProtocolClient.connect(t, edge);
    assert.equal(await client.errorOf({ subscribe: { channel: 'closed:a' } }), 103);
    assert.equal(await client.errorOf({ publish: { channel: 'closed:a', data: 1 } }), 103);
    assert.equal(await client.errorOf({ subscribe: { channel: 'read:a' } }), 0);
    assert.equal(await client.errorOf({ publish: { channel: 'read:a', data: 1 } }), 103);
    assert.equal(await client.errorOf({ publish: { channel: 'members:a', data: 1 } }), 103);
    assert.equal(await client.errorOf({ subscribe: { channel: 'members:a' } }), 0);
    assert.equal(await client.errorOf({ publish: { channel: 'members:a', data: 1 } }), 0);
    assert.equal(await client.errorOf({ unsubscribe: { channel: 'members:a' } }), 0);
    assert.equal(await client.errorOf({ publish: { channel: 'members:a', data: 1 } }), 103);
  });

  test('103: a subscription token, which no key is there to check', async (t) => {
    const edge = await startEdge(t, memoryWorld());
    const client = await ProtocolClient.connect(t, edge);
    assert.equal(await client.errorOf({ subscribe: { channel: 'room', token: 'a.b.c' } }), 103);
  });

  test('105: subscribed already', async (t) => {
    const edge = await startEdge(t, memoryWorld());
    const client = await ProtocolClient.connect(t, edge);
    assert.equal(await client.errorOf({ subscribe: { channel: 'room' } }), 0);
    assert.equal(await client.errorOf({ subscribe: { channel: 'room' } }), 105);
    assert.equal(await metric(edge, 'pharos_edge_subscriptions'), 1);
  });

  test('106: more channels than the limit; leaving one makes room', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env: { PHAROS_CLIENT_CHANNEL_LIMIT: '3' } });
    const client = await ProtocolClient.connect(t, edge);
    for (const channel of ['a', 'b', 'c']) assert.equal(await client.errorOf({ subscribe: { channel } }), 0);
    assert.equal(await client.errorOf({ subscribe: { channel: 'd' } }), 106);
    assert.equal(await client.errorOf({ unsubscribe: { channel: 'b' } }), 0);
    assert.equal(await client.errorOf({ subscribe: { channel: 'd' } }), 0);
    assert.equal(await client.errorOf({ subscribe: { channel: 'b' } }), 106);
  });

  test('107: no channel, one that is too long, or no data', async (t) => {
    const edge = await startEdge(t, memoryWorld());
    const client = await ProtocolClient.connect(t, edge);
    for (const channel of ['', 'x'.repeat(256), 'ä'.repeat(128)]) {
      assert.equal(await client.errorOf({ subscribe: { channel } }), 107);
      assert.equal(await client.errorOf({ publish: { channel, data: 1 } }), 107);
    }
    assert.equal(await client.errorOf({ subscribe: {} }), 107);
    assert.equal(await client.errorOf({ publish: { channel: 'room' } }), 107);
    for (const channel of ['x'.repeat(255), 'ä'.repeat(127)]) {
      assert.equal(await client.errorOf({ subscribe: { channel } }), 0);
    }
  });

  test('108: what is not built yet; a send, which has no id, is closed with 3508', async (t) => {
    const unfiltered = [{ name: 'closed', allow_tags_filter: false }];
    const edge = await startEdge(t, memoryWorld(), { env: { PHAROS_CHANNEL_NAMESPACES: JSON.stringify(unfiltered) } });
    const client = await ProtocolClient.connect(t, edge);
    const filter = { tf: { key: 'a', cmp: 'eq', val: 'b' } };
    for (const command of [
      { presence: { channel: 'room' } },
      { presence_stats: { channel: 'room' } },
      { rpc: { method: 'm', data: 1 } },
      { refresh: { token: 't' } },
      { sub_refresh: { channel: 'room', token: 't' } },
      { subscribe: { channel: 'closed:a', ...filter } },
    ]) {
      assert.equal(await client.errorOf(command), 108, JSON.stringify(command));
    }
    client.ws.send('{"send":{"data":1}}');
    assert.deepEqual(await client.closed, { code: 3508, reason: 'not available' });
  });
});
