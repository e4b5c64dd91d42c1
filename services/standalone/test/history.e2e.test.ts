import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { startRedis, unavailable } from '@pharos/testkit';
import { Centrifuge, type SubscribedContext } from 'centrifuge';
import { WebSocket } from 'ws';
import { type EdgeProcess, startEdge } from './support/edge-process.ts';
import type { Environment } from './support/processes.ts';

const channel = 'room';
// More than the smallest ring holds.
const messages = Array.from({ length: 30 }, (_value, number) => `${number} ${'x'.repeat(10_000)}`);
const smallRing = { PHAROS_RING_MAX_LANE_SIZE: '64KiB' };

interface Member {
  readonly centrifuge: Centrifuge;
  readonly subscribed: SubscribedContext;
  readonly got: string[];
}

async function join(t: TestContext, edge: EdgeProcess, since?: { offset: number; epoch: string }): Promise<Member> {
  const centrifuge = new Centrifuge(edge.sdkUrl, { websocket: WebSocket });
  t.after(() => centrifuge.disconnect());
  const subscription = centrifuge.newSubscription(channel, {
    recoverable: true,
    ...(since === undefined ? {} : { since }),
  });
  const got: string[] = [];
  subscription.on('publication', ({ data }) => got.push(String(data)));
  const subscribed = new Promise<SubscribedContext>((resolve) => subscription.once('subscribed', resolve));
  subscription.subscribe();
  centrifuge.connect();
  return { centrifuge, subscribed: await subscribed, got };
}

/** Somebody publishes more than memory holds; who comes back from before is sent all of it. */
async function comesBack(t: TestContext, env: Environment): Promise<EdgeProcess> {
  const edge = await startEdge({ env: { ...smallRing, ...env } });
  t.after(() => edge.stop());
  const first = await join(t, edge);
  const { epoch, offset } = first.subscribed.streamPosition ?? { epoch: '', offset: 0 };
  for (const message of messages) await first.centrifuge.publish(channel, message);
  const back = await join(t, edge, { epoch, offset });
  assert.equal(back.subscribed.recovered, true);
  assert.equal(back.subscribed.wasRecovering, true);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(back.got, messages);
  return edge;
}

describe('history in one process', { timeout: 120_000 }, () => {
  test('on the embedded bus it is in memory', async (t) => {
    const edge = await comesBack(t, {});
    const { body } = await edge.internal('/metrics');
    assert.match(body, /^pharos_history_messages_total\{kind="stored"\} 30$/m);
    assert.match(body, /^pharos_history_lanes_active\{log="persistent:\/\/public\/default\/chat"\} 1$/m);
  });

  test('with redis.url it is in Redis', { skip: unavailable('redis') }, async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    await comesBack(t, { PHAROS_REDIS_URL: redis.url });
  });
});
