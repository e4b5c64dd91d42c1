import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { freePort, sharedPulsar, unavailable } from '@pharos/testkit';

import { measureChecksum } from '../bench/figures/checksum.ts';
import { measureJ1 } from '../bench/figures/j1.ts';
import { measureJ2 } from '../bench/figures/j2.ts';
import { measureJ3 } from '../bench/figures/j3.ts';
import { measureP1 } from '../bench/figures/p1.ts';
import { measureP4 } from '../bench/figures/p4.ts';
import { measureP9 } from '../bench/figures/p9.ts';
import { measureRedisMemory } from '../bench/figures/redis-memory.ts';
import { measureApi, measureClientPublish } from '../bench/figures/requests.ts';
import { measureDeliveries, measureHandshakes, withCertificate } from '../bench/figures/tls.ts';
import { Child } from '../bench/frame/child.ts';
import type { FigureContext, FigureResult } from '../bench/frame/figure.ts';
import type { Paced } from '../bench/frame/pacer.ts';
import type { FloorServerCommands, ReceiverCommands } from '../bench/frame/roles.ts';

const context: FigureContext = {
  pairs: 2,
  quick: true,
  progress: () => undefined,
  pulsar: async () => unavailable('pulsar') || (await sharedPulsar()),
};

describe('the bench, in the small', () => {
  test('P1 measures every server in pairs and sees every delivery', async () => {
    const size = { subscribers: 20, perSecond: [50], windowSeconds: 1, warmUpSeconds: 0.2 };
    const { results, skipped } = await measureP1(context, size);
    const onPulsar = unavailable('pulsar') === false;
    assert.deepEqual(
      results.map(({ id }) => id),
      ['P1-json-memory-50', ...(onPulsar ? ['P1-json-pulsar-50'] : []), 'P1-protobuf-memory-50'],
    );
    assert.equal(skipped.length, onPulsar ? 0 : 1);
    for (const result of results) {
      assert.equal(result.void, undefined);
      assert.equal(result.pairs, 2);
      // Two windows of 50 publications on either side; more where a busy machine made it measure again.
      assert.ok(result.checked.deliveries >= 2 * 2 * 50 * 20);
      assert.equal(result.checked.deliveries % (50 * 20), 0);
    }
  });

  test('P9 and CRC find what they should in the bytes', () => {
    const results = [...measureP9(context, 5).results, ...measureChecksum(context, 5).results];
    assert.deepEqual(
      results.map(({ id }) => id),
      ['P9', 'CRC-1024', 'CRC-131072'],
    );
    for (const result of results) {
      assert.equal(result.void, undefined, result.id);
      assert.ok(result.checked.deliveries > 0);
    }
  });

  test('P4 measures connections that are proven to be subscribed', async () => {
    const { results } = await measureP4({ ...context, pairs: 1 }, { from: 500, to: 2_500 });
    assert.equal(results.length, 1);
    assert.deepEqual(results[0]?.checked, { deliveries: 5_000, frames: 5_000, lost: 0, duplicated: 0, reordered: 0 });
    // So few connections may fit into memory that the process has already: the figure says so, and is void.
    assert.ok(results[0].void === undefined || results[0].void.includes('too few for a slope'), results[0].void);
  });
});

/** In the small a server may have used less CPU than can be counted: then the figure says so, and is void. */
function assertCounted(result: FigureResult): void {
  assert.ok(result.void === undefined || result.void.includes('too little to be counted'), result.void);
  assert.equal(result.checked.lost, 0);
}

describe('the costs of sizing, in the small', { skip: unavailable('pulsar') || unavailable('redis') }, () => {
  const size = { alone: 5, together: 200 };

  test('API counts publications that the log has, one by one, in batches and in broadcasts', async () => {
    const { results } = await measureApi({ ...context, pairs: 1 }, size);
    const confirmed = results.map((result) => [result.id, result.checked.deliveries]);
    assert.deepEqual(confirmed, [
      ['API-publish-16', 200 + 200 * 3],
      ['API-publish-1', 5 + 5 * 5],
      ['API-batch-100', 200 + 200 * 20],
      ['API-broadcast-100', 200 + 200 * 20],
    ]);
    for (const result of results) assertCounted(result);
  });

  test("PUB counts clients' publishes that the log has", async () => {
    const { results } = await measureClientPublish({ ...context, pairs: 1 }, size);
    const confirmed = results.map((result) => [result.id, result.checked.deliveries]);
    assert.deepEqual(confirmed, [
      ['PUB-16', 200 + 200 * 3],
      ['PUB-1', 5 + 5 * 5],
    ]);
    for (const result of results) assertCounted(result);
  });

  test('TLS connects and delivers by both doors', async () => {
    const { handshakes, deliveries } = await withCertificate(async (certificate) => ({
      handshakes: await measureHandshakes({ ...context, pairs: 1 }, { handshakes: 60 }, certificate),
      deliveries: await measureDeliveries(
        { ...context, pairs: 1 },
        { subscribers: 40, perSecond: [50], windowSeconds: 1 },
        certificate,
      ),
    }));
    assertCounted(handshakes);
    assert.equal(handshakes.checked.deliveries, 2 * 60);
    const [result] = deliveries;
    assert.equal(result?.checked.lost, 0);
    // Two windows; more where a busy machine made it measure again.
    assert.ok(result.checked.deliveries >= 2 * 50 * 40);
    assert.equal(result.checked.deliveries % (50 * 40), 0);
  });

  test('REDIS counts memory of messages and members that are there', async () => {
    // Streams grow by 4 KB at a time, and connections need some too: in less than this, that is most of what is seen.
    const size = { channels: 50, messages: 100, members: 10 };
    const { results } = await measureRedisMemory({ ...context, pairs: 1 }, size);
    const kinds = ['message', 'published', 'member'];
    assert.deepEqual(
      results.map(({ id }) => id),
      kinds.flatMap((kind) => [`REDIS-${kind}`, `REDIS-${kind}-channel`]),
    );
    for (const result of results) assert.equal(result.void, undefined);
    const [message, , published] = results.map(({ pharos }) => pharos.median);
    // A message has its payload; one of a client its client's id too, 36 characters under a name.
    assert.ok((message ?? 0) > 150 && (message ?? 0) < 400, `${message} B`);
    assert.ok((published ?? 0) > (message ?? 0) + 36, `${published} B, ${message} B without its client`);
  });
});

const skip = unavailable('pulsar') || unavailable('jdk');

describe('the bench beside the Java client, in the small', { skip }, () => {
  test('J1 publishes with both clients, and a third reads every message', async () => {
    const { results } = await measureJ1(context, { messages: 5_000, warmUps: 1 });
    assert.deepEqual(
      results.map(({ id }) => id),
      ['J1-rate', 'J1-cpu'],
    );
    for (const result of results) {
      assert.equal(result.void, undefined);
      assert.deepEqual(result.checked, { deliveries: 20_000, frames: 20_000, lost: 0, duplicated: 0, reordered: 0 });
      assert.ok(result.ratio.min > 0);
    }
  });

  test('J2 consumes one backlog in every way', async () => {
    const { results } = await measureJ2(context, { messages: 20_000, warmUps: 1 });
    assert.deepEqual(
      results.map(({ id }) => id),
      ['entries', 'batch', 'single'].flatMap((how) => [`J2-${how}-rate`, `J2-${how}-cpu`]),
    );
    for (const result of results) {
      assert.equal(result.void, undefined);
      assert.equal(result.checked.deliveries, 2 * 2 * 20_000);
    }
  });

  test('J3 sees every message arrive', async () => {
    const { results } = await measureJ3({ ...context, pairs: 1 }, { windowSeconds: 0.5, warmUps: 1 });
    assert.deepEqual(
      results.map(({ id }) => id),
      ['J3-p50', 'J3-p99'],
    );
    for (const result of results) {
      assert.equal(result.void, undefined);
      assert.equal(result.checked.deliveries, 2 * 500);
      // Not below what the clock of one machine can tell from nothing.
      assert.ok(result.pharos.min > 10 && result.floor.min > 10);
    }
  });
});

describe('the processes of the bench', () => {
  test('a server that cannot be reached is an error that names the cause', async () => {
    const receiver = await Child.start<ReceiverCommands>('receiver');
    const port = await freePort();
    await assert.rejects(
      receiver.call('connect', { port, connections: 1, protocol: 'bare', encoding: 'json' }),
      /ECONNREFUSED/,
    );
    await receiver.stop();
  });

  test('a server that ends under its clients fails what waits for it, on both sides', async () => {
    const server = await Child.start<FloorServerCommands>('floor-server');
    const receiver = await Child.start<ReceiverCommands>('receiver');
    const { port } = await server.call('start', { encoding: 'json' });
    await receiver.call('connect', { port, connections: 3, protocol: 'bare', encoding: 'json' });
    const load = { from: 0, count: 1_000, perSecond: 1 };
    const published = server.call('publish', { load, payloadBytes: 128 });
    const delivered = receiver.call('awaitDeliveries', { published: 1_000, timeoutMs: 60_000 });
    process.kill(server.pid, 'SIGKILL');
    await Promise.all([
      assert.rejects(published, /floor-server ended: SIGKILL/),
      assert.rejects(delivered, /the server closed it|ECONNRESET/),
    ]);
    await assert.rejects(server.call('collectGarbage'), /floor-server/);
    await receiver.stop();
    await server.stop();
  });

  test('what a server loses is found', async () => {
    const server = await Child.start<FloorServerCommands>('floor-server');
    const receiver = await Child.start<ReceiverCommands>('receiver');
    const { port } = await server.call('start', { encoding: 'json' });
    await receiver.call('connect', { port, connections: 3, protocol: 'bare', encoding: 'json' });
    const publish = (from: number, count: number): Promise<Paced> =>
      server.call('publish', { load: { from, count, perSecond: 1_000 }, payloadBytes: 128 });
    await publish(0, 4);
    await publish(6, 2);
    await publish(7, 1);
    assert.equal(await receiver.call('awaitDeliveries', { published: 8, timeoutMs: 100 }), false);
    const checked = await receiver.call('check', { published: 8 });
    assert.deepEqual(checked, { deliveries: 18, frames: 21, lost: 6, duplicated: 3, reordered: 0 });
    await receiver.stop();
    await server.stop();
  });
});
