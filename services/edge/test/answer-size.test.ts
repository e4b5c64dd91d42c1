import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startBackend } from './support/backend.ts';
import { type Json, ProtocolClient } from './support/clients.ts';
import { StreamClient } from './support/http-clients.ts';
import { logged } from './support/logs.ts';
import { metric } from './support/metrics.ts';
import { memoryWorld, startEdge } from './support/world.ts';

describe('more than half of a connection is sent at a time', () => {
  const queue = { PHAROS_CLIENT_QUEUE_MAX_SIZE: '64KiB' };
  const large = 'x'.repeat(40_000);
  const half = 'x'.repeat(20_000);

  test('is refused with error 106 and logged, and the connection lasts: it would end with 3008, at each try', async (t) => {
    const { backend, env } = await startBackend(t, () => ({}), { connect: true, channels: ['SUBSCRIBE', 'PUBLISH'] });
    const edge = await startEdge(t, memoryWorld(), {
      env: { ...env, ...queue, PHAROS_UNI_HTTP_STREAM_ENABLED: 'true' },
    });
    const client = await ProtocolClient.open(t, edge);
    const connecting: Json[] = [
      { data: large },
      { info: large },
      { subs: { a: { data: half }, b: { data: half } } },
      { subs: { a: { info: large } } },
      { info: half, subs: { a: { info: half } } },
    ];
    for (const result of connecting) {
      backend.answering = () => ({ result });
      assert.equal(await client.errorOf({ connect: {} }), 106);
    }
    const asked = { method: 'POST', body: '{}' };
    const oneWay = await StreamClient.open(t, edge.port, '/connection/uni_http_stream', asked);
    assert.deepEqual(await oneWay.disconnect(), { code: 3508, reason: 'not available' });
    backend.answering = () => ({ result: { user: 'ann', info: half, data: half } });
    assert.equal(((await client.call({ connect: {} }))['connect'] as Json)['data'], half);
    for (const result of [{ data: large }, { info: large }, { info: half }]) {
      backend.answering = () => ({ result });
      assert.equal(await client.errorOf({ subscribe: { channel: 'room' } }), 106);
    }
    backend.answering = () => ({ result: { data: half } });
    assert.equal(((await client.subscribe('room'))['subscribe'] as Json)['data'], half);
    backend.answering = () => ({ result: { data: large } });
    assert.equal(await client.errorOf({ publish: { channel: 'room', data: 1 } }), 106);
    assert.equal(await client.errorOf({ rpc: { method: 'm' } }), 106);
    assert.equal(await client.errorOf({ ping: {} }), 0);
    assert.equal(await metric(edge, 'pharos_edge_slow_connections_total'), 0);
    const [line] = logged(edge, 'client.queue_max_size');
    assert.deepEqual(
      [line?.['what'], line?.['bytes'], line?.['limitBytes']],
      ['the answer to a connect', 40_002, 32_768],
    );
  });

  test('is not recovered: what all channels of a connect missed is in one answer', async (t) => {
    const subs = Object.fromEntries(['a', 'b', 'c'].map((channel) => [channel, channel === 'c' ? { data: 1 } : {}]));
    const { env } = await startBackend(t, () => ({ result: { subs } }), { connect: true });
    const recovery = {
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '100',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL: '600s',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY: 'true',
    };
    const edge = await startEdge(t, memoryWorld(), { env: { ...env, ...queue, ...recovery } });
    const connected = async (positions: Json): Promise<Record<string, Json>> => {
      const client = await ProtocolClient.open(t, edge);
      const { connect } = await client.call({ connect: { subs: positions } });
      return (connect as Json)['subs'] as Record<string, Json>;
    };
    const before = await connected({});
    const publisher = await ProtocolClient.connect(t, edge);
    for (const channel of Object.keys(subs)) await publisher.publish(channel, half);
    const back = await connected(
      Object.fromEntries(
        Object.entries(before).map(([channel, { epoch, offset = 0 }]) => [channel, { recover: true, epoch, offset }]),
      ),
    );
    const recovered = Object.values(back).map((sub) => [
      sub['recovered'],
      (sub['publications'] as Json[] | undefined)?.length,
    ]);
    assert.deepEqual(recovered, [
      [true, 1],
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });
});
