import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  eventually,
  OtlpReceiver,
  type PulsarServer,
  type RedisServer,
  sharedPulsar,
  startPulsar,
  startRedis,
  unavailable,
  uniqueTopic,
} from '@pharos/testkit';
import type { Centrifuge } from 'centrifuge';
import { at, caseFile, render, withoutHelm } from './chart.ts';
import { Deployment } from './deployment.ts';
import type { Pod } from './kubelet.ts';
import {
  type ApiCall,
  apiAt,
  apiPublisher,
  assertComplete,
  channel,
  clientPublisher,
  type Publisher,
  Subscriber,
} from './load.ts';
import { PodService } from './pod-service.ts';

const components = ['edge', 'api', 'history', 'presence'] as const;
type Component = (typeof components)[number];
const clientCount = 30;
const apiKey = 'key-of-this-test';
/** Beyond what the shortest wave takes; what comes meanwhile must reach everybody. */
const publishEveryMs = 20;
/** More than would end a container, were each a no. */
const manyQuestions = 6;

/** The chart for a cluster that is there; the times of a real one are made short. */
function values(pulsar: PulsarServer, redis: RedisServer, collectorUrl: string): object {
  return {
    tracing: { enabled: true, endpoint: collectorUrl, ratio: '0.1' },
    config: {
      pulsar: { url: pulsar.serviceUrl, admin_url: pulsar.adminUrl },
      redis: { url: redis.url },
      client: { allow_anonymous_connect_without_token: true, ping_interval: '1s' },
      control: { topic: uniqueTopic('control') },
      presence: { lease: '3s', renew_interval: '1s' },
      channel: {
        without_namespace: {
          log: uniqueTopic('rollout'),
          history_size: 10_000,
          history_ttl: '10m',
          presence: true,
          join_leave: true,
          allow_recovery: true,
          allow_subscribe_for_anonymous: true,
          allow_publish_for_anonymous: true,
        },
      },
    },
    settingsFrom: {
      'redis.password': { existingSecret: 'redis', key: 'password' },
      'http_api.key': { existingSecret: 'api', key: 'key' },
    },
    workload: {
      replicas: 1,
      rollout: { minReadySeconds: 1 },
      drain: { preStopSeconds: 1, timeoutSeconds: 5, terminationGracePeriodSeconds: 40 },
      probes: {
        startup: { periodSeconds: 1 },
        readiness: { periodSeconds: 1, timeoutSeconds: 2 },
        liveness: { periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 4, terminationGracePeriodSeconds: 3 },
      },
    },
    edge: { replicas: 2, drain: { preStopSeconds: 1, timeoutSeconds: 5, terminationGracePeriodSeconds: 40 } },
    api: { replicas: 2 },
  };
}

// What the chart makes is run as kubelets and the controller of deployments would: processes in place of containers. The tests go on with one cluster, and one load.
describe('a release as it is rendered, under load', {
  skip: withoutHelm || unavailable('pulsar') || unavailable('redis'),
  timeout: 600_000,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'pharos-pods-'));
  const deployments = new Map<Component, Deployment>();
  /** What ends what was started, oldest first. */
  const ends: (() => Promise<void>)[] = [];
  const subscribers: Subscriber[] = [];
  const publishers: Publisher[] = [];
  let pulsar: PulsarServer;
  let redis: RedisServer;
  let collector: OtlpReceiver;
  let publishing: { publisher: Publisher; client: Centrifuge };
  let api: ApiCall;
  let apiPort: number;

  const deployment = (component: Component): Deployment => {
    const found = deployments.get(component);
    assert.ok(found !== undefined, component);
    return found;
  };
  const wanted = (): readonly Pod[] => components.flatMap((component) => deployment(component).wanted);
  const serviceOf = async (component: Component): Promise<number> => {
    const service = await PodService.start(() => deployment(component).pods);
    ends.push(() => service.stop());
    return service.port;
  };
  /** Resolves when every client has received what is published from now on. */
  const everybodyHears = async (): Promise<void> => {
    const { publisher } = publishing;
    await publisher.more(1);
    const number = publisher.acknowledged.at(-1) ?? 0;
    for (const { received } of subscribers) {
      const isHere = (): boolean => received.some(([name, own]) => name === publisher.name && own >= number);
      await eventually(() => (isHere() ? true : undefined), 'what is published now');
    }
  };
  /** What each pod's probes have led to so far. */
  const standings = (pods: readonly Pod[]): unknown =>
    pods.map(({ name, restarts, lapses, answers }) => ({
      name,
      restarts: [...restarts],
      lapses,
      no: answers.readiness.no + answers.liveness.no,
    }));

  before(async () => {
    // Each by itself, so that what has started is ended where another one doesn't start. The broker starts beside that of all tests, and others on a machine that is shared.
    const started = async <Server extends { stop(): Promise<void> }>(starting: Promise<Server>): Promise<Server> => {
      const server = await starting;
      ends.push(() => server.stop());
      return server;
    };
    [pulsar, redis, collector] = await Promise.all([
      started(startPulsar({ readyTimeoutMs: 300_000 })),
      started(startRedis({ settings: { 'maxmemory-policy': 'noeviction', requirepass: 's3cret' } })),
      started(OtlpReceiver.start()),
    ]);
    writeFileSync(join(folder, 'redis.password'), 's3cret\n');
    writeFileSync(join(folder, 'http_api.key'), `${apiKey}\n`);
    const rendered = await render(values(pulsar, redis, collector.url) as Readonly<Record<string, unknown>>);
    for (const component of components) {
      const one = new Deployment(rendered, component, folder);
      ends.push(() => one.stop());
      deployments.set(component, one);
    }
    await Promise.all([...deployments.values()].map((one) => one.start()));
    const url = `ws://127.0.0.1:${await serviceOf('edge')}/connection/websocket`;
    for (let index = 0; index < clientCount; index++) subscribers.push(new Subscriber(url));
    ends.push(() => Promise.resolve(subscribers.forEach(({ client }) => client.disconnect())));
    await Promise.all(subscribers.map((subscriber) => subscriber.ready()));
    publishing = await clientPublisher('client', url);
    publishers.push(publishing.publisher);
    const { publisher, client } = publishing;
    publisher.run(publishEveryMs);
    ends.push(async () => {
      await publisher.stop();
      client.disconnect();
    });
    apiPort = await serviceOf('api');
    api = apiAt(apiPort, apiKey);
  });

  after(async () => {
    for (const end of ends.reverse()) await end();
    rmSync(folder, { recursive: true });
  });

  test('edges are replaced one by one, and clients go on at the others', async () => {
    await everybodyHears();
    await deployment('edge').roll();
    assert.equal(deployment('edge').wanted.length, 2);
    await everybodyHears();
    assert.ok(publishing.publisher.acknowledged.length > 50);
  });

  test('the other services are replaced too: no call of the server API fails, and history has it all', async () => {
    const { publisher, failures } = apiPublisher('api', api);
    publishers.push(publisher);
    publisher.run(publishEveryMs);
    await publisher.more(5);
    await Promise.all((['api', 'history', 'presence'] as const).map((component) => deployment(component).roll()));
    // Of those that are there now.
    await publisher.more(5);
    await publisher.stop();
    assert.deepEqual(failures, []);
    await everybodyHears();
    const { publications } = (await api('history', { channel, limit: -1 })) as { publications: { data: unknown }[] };
    const kept = publications.filter(({ data }) => (data as string[])[0] === 'api').map(({ data }) => data);
    assert.deepEqual(
      kept,
      publisher.acknowledged.map((number) => ['api', number]),
    );
  });

  test('a process that dies is started anew, one that stands still by liveness; clients of it go on elsewhere', async () => {
    const [frozen, other] = deployment('edge').wanted as [Pod, Pod];
    const [history] = deployment('history').wanted as [Pod];
    frozen.freeze();
    await history.crash();
    await everybodyHears();
    await eventually(() => (frozen.restarts.length > 0 ? true : undefined), 'restart by liveness');
    await Promise.all([frozen.available(), history.available()]);
    assert.deepEqual([frozen.restarts, other.restarts, history.restarts], [['liveness'], [], ['SIGKILL']]);
    assert.deepEqual([other.lapses, frozen.lapses], [0, 1]);
    await everybodyHears();
  });

  test('without Pulsar nobody is restarted or taken out of its Service, and no client loses its connection', async () => {
    const [before, connects] = [standings(wanted()), subscribers.map((one) => one.connects)];
    const pods = wanted();
    await pulsar.kill();
    // One that comes meanwhile waits; it would be started anew if the chart had not so much patience.
    const late = await deployment('edge').addPod();
    const impatient = await deployment('edge').addPod(2);
    await Promise.all([
      ...pods.flatMap((pod) => [pod.asked('liveness', manyQuestions), pod.asked('readiness', manyQuestions)]),
      eventually(() => (late.answers.startup.no > 0 ? true : undefined), 'an answer of one that waits'),
      eventually(() => (impatient.restarts.length > 0 ? true : undefined), 'restart of one that may not wait'),
    ]);
    await impatient.kill();
    assert.equal(impatient.restarts[0], 'startup');
    await pulsar.start();
    await late.available();
    await everybodyHears();
    assert.deepEqual(standings(pods), before);
    assert.deepEqual(
      subscribers.map((one) => one.connects),
      connects,
    );
    assert.deepEqual([late.restarts, late.lapses], [[], 0]);
  });

  test('whoever subscribes is in presence, once; what was acknowledged came to all, once and in order', async () => {
    await eventually(async () => {
      const { num_clients } = await api('presence_stats', { channel });
      return num_clients === clientCount || undefined;
    }, `${clientCount} members`);
    await publishing.publisher.stop();
    const received = await assertComplete(subscribers, publishers);
    const { publications } = (await api('history', { channel, limit: -1 })) as { publications: { data: unknown }[] };
    assert.deepEqual(publications.map(({ data }) => data).slice(0, received.length), received);
    await collector.spans.waitFor(({ service, name }) => service === 'pharos-edge' && name === 'publish', 'span');
  });

  test('without Redis nobody is restarted or taken out of its Service either, and publications come', async () => {
    const [before, pods] = [standings(wanted()), wanted()];
    await redis.stop();
    const { publisher } = apiPublisher('without-redis', api);
    publishers.push(publisher);
    publisher.run(publishEveryMs);
    await Promise.all(pods.flatMap((pod) => [pod.asked('liveness', manyQuestions), publisher.more(10)]));
    await publisher.stop();
    assert.deepEqual(standings(pods), before);
    await assertComplete(subscribers, publishers);
  });
});

describe('the Pulsar of a trial', { skip: withoutHelm || unavailable('pulsar'), timeout: 300_000 }, () => {
  test('is asked what Pulsar answers', async () => {
    const [pulsar, trial] = await Promise.all([sharedPulsar(), render(caseFile('trial'))]);
    const container = at(trial.get('Deployment', '-trial-pulsar'), 'spec.template.spec.containers.0');
    for (const probe of ['startupProbe', 'readinessProbe']) {
      const path = String(at(container, probe, 'httpGet', 'path'));
      const response = await fetch(`${pulsar.adminUrl}${path}`);
      assert.equal(response.status, 200, path);
    }
  });
});
