import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { eventually, OtlpReceiver, sharedPulsar, startRedis, unavailable, uniqueTopic } from '@pharos/testkit';
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';
import { at, caseFile, render, withoutHelm } from './chart.ts';
import { Pod, PodService, podTemplate } from './pods.ts';

const channel = 'news';
const clientCount = 30;
/** Beyond what the shortest wave takes; what comes meanwhile must reach everybody. */
const publishEveryMs = 20;

/** A client as an application has one, and the numbers that it received. */
class Subscriber {
  readonly received: number[] = [];
  readonly client: Centrifuge;
  /** Times that it was told that what it missed could not be had. */
  lost = 0;

  constructor(url: string) {
    this.client = new Centrifuge(url, { websocket: WebSocket, minReconnectDelay: 50, maxReconnectDelay: 500 });
    const subscription = this.client.newSubscription(channel, { recoverable: true });
    subscription.on('publication', ({ data }) => this.received.push(data as number));
    subscription.on('subscribed', ({ wasRecovering, recovered }) => {
      if (wasRecovering && !recovered) this.lost++;
    });
    subscription.subscribe();
    this.client.connect();
  }
}

interface RollingUpdate {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

/** As a Deployment's controller: as many pods more as its strategy allows, and for each that is available an old one less. */
async function update(
  pods: readonly Pod[],
  { maxSurge, maxUnavailable }: RollingUpdate,
  start: (name: string) => Promise<Pod>,
): Promise<void> {
  assert.equal(maxUnavailable, 0, 'no edge goes before there is another one');
  assert.ok(Number.isInteger(maxSurge) && maxSurge > 0, `a number of pods, not ${maxSurge}`);
  const old = pods.filter((pod) => !pod.isTerminating);
  const count = old.length;
  let made = 0;
  const replace = async (): Promise<void> => {
    while (made < count) {
      await start(`edge-b${++made}`);
      assert.equal(await old.shift()?.terminate(), 0, 'an edge ends by itself within its grace');
    }
  };
  await Promise.all(Array.from({ length: maxSurge }, replace));
}

// What the chart makes is run as a kubelet and the deployment's controller would: processes in place of containers.
describe('a rolling update of edges as they are rendered, under load', {
  skip: withoutHelm || unavailable('pulsar') || unavailable('redis'),
  timeout: 300_000,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'pharos-pods-'));
  const pods: Pod[] = [];
  const subscribers: Subscriber[] = [];
  after(async () => {
    for (const { client } of subscribers) client.disconnect();
    await Promise.all(pods.map((pod) => pod.kill()));
    rmSync(folder, { recursive: true });
  });

  test('no client loses anything, and an outage of Redis restarts nobody', async () => {
    const pulsar = await sharedPulsar();
    const redis = await startRedis({ settings: { 'maxmemory-policy': 'noeviction', requirepass: 's3cret' } });
    writeFileSync(join(folder, 'redis.password'), 's3cret\n');
    const collector = await OtlpReceiver.start();
    const rendered = await render({
      tracing: { enabled: true, endpoint: collector.url, ratio: '0.1' },
      config: {
        pulsar: { url: pulsar.serviceUrl, admin_url: pulsar.adminUrl },
        redis: { url: redis.url },
        client: { allow_anonymous_connect_without_token: true },
        control: { topic: uniqueTopic('control') },
        channel: {
          without_namespace: {
            log: uniqueTopic('rollout'),
            history_size: 10_000,
            history_ttl: '10m',
            allow_recovery: true,
            allow_subscribe_for_anonymous: true,
            allow_publish_for_anonymous: true,
          },
        },
      },
      settingsFrom: { 'redis.password': { existingSecret: 'redis', key: 'password' } },
      // The times of a cluster, made short.
      workload: { probes: { startup: { periodSeconds: 1 }, readiness: { periodSeconds: 1 } } },
      edge: {
        replicas: 2,
        rollout: { minReadySeconds: 1 },
        drain: { preStopSeconds: 1, timeoutSeconds: 5, terminationGracePeriodSeconds: 40 },
      },
      ...Object.fromEntries(['api', 'history', 'presence'].map((name) => [name, { enabled: false }])),
    });
    const template = podTemplate(rendered, 'edge', folder);
    const start = async (name: string): Promise<Pod> => {
      const pod = await Pod.start(name, template);
      pods.push(pod);
      await pod.available();
      return pod;
    };
    await Promise.all([start('edge-a1'), start('edge-a2')]);
    const service = await PodService.start(() => pods);
    const url = `ws://127.0.0.1:${service.port}/connection/websocket`;
    for (let index = 0; index < clientCount; index++) subscribers.push(new Subscriber(url));
    const publisher = new Centrifuge(url, { websocket: WebSocket, minReconnectDelay: 50, maxReconnectDelay: 500 });
    publisher.connect();
    await Promise.all([publisher, ...subscribers.map(({ client }) => client)].map((client) => client.ready(30_000)));
    for (const { client } of subscribers) await client.getSubscription(channel)?.ready(30_000);

    let published = 0;
    const over = new AbortController();
    const publishing = (async (): Promise<void> => {
      while (!over.signal.aborted) {
        // A publish that a drain answers with an error, or that a lost connection leaves open, is none that anybody was promised.
        await publisher.publish(channel, published + 1).then(
          () => published++,
          () => undefined,
        );
        await new Promise((resolve) => setTimeout(resolve, publishEveryMs));
      }
    })();
    await update(pods, at(rendered.workload('edge'), 'spec.strategy.rollingUpdate') as RollingUpdate, start);
    const left = pods.filter((pod) => !pod.isTerminating);
    assert.deepEqual(left.map((pod) => pod.name).sort(), ['edge-b1', 'edge-b2']);
    await redis.stop();
    const publishedBefore = published;
    await eventually(() => (published > publishedBefore + 10 ? true : undefined), 'publishing without Redis');
    for (const pod of left) {
      assert.deepEqual([await pod.ask('readiness'), await pod.ask('liveness')], [true, true], pod.name);
      assert.deepEqual(pod.refusals, { readiness: 0, liveness: 0 }, pod.name);
    }
    over.abort();
    await publishing;
    assert(published > 50);
    for (const { received, lost } of subscribers) {
      await eventually(() => (new Set(received).size >= published ? true : undefined), 'all that was published');
      assert.equal(lost, 0);
      // What was tried again after an error may be there twice as the publisher sees it, but in order.
      const distinct = received.filter((number, index) => number !== received[index - 1]);
      assert.deepEqual(
        distinct,
        Array.from({ length: distinct.length }, (_value, index) => index + 1),
      );
    }
    publisher.disconnect();
    await service.stop();
    await collector.spans.waitFor(({ service, name }) => service === 'pharos-edge' && name === 'publish', 'span');
    await collector.stop();
  });

  test('the Pulsar of a trial is asked what Pulsar answers', async () => {
    const [pulsar, trial] = await Promise.all([sharedPulsar(), render(caseFile('trial'))]);
    const container = at(trial.get('Deployment', '-trial-pulsar'), 'spec.template.spec.containers.0');
    for (const probe of ['startupProbe', 'readinessProbe']) {
      const path = String(at(container, probe, 'httpGet', 'path'));
      const response = await fetch(`${pulsar.adminUrl}${path}`);
      assert.equal(response.status, 200, path);
    }
  });
});
