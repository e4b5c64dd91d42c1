import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  eventually,
  freePort,
  OtlpReceiver,
  type ReceivedSpan,
  type RedisServer,
  type ServiceProcess,
  sharedPulsar,
  startRedis,
  unavailable,
  uniqueTopic,
} from '@pharos/testkit';
import { type Environment, pharos, type PulsarAddress } from './support/processes.ts';
import { call, followed, key, newTrace, propertiesOf, spanOf, subscribe, tracedTo } from './support/traces.ts';

interface Pod {
  readonly name: string;
  readonly process: ServiceProcess;
  readonly port: number;
  readonly internalPort: number;
}

/** Publications of clients on the edge that samples: enough for both outcomes, but for once in 2 to the power of 39. */
const count = 40;
const rooms = 40;

describe('a cluster of processes on Pulsar and Redis, as its operators see it', {
  skip: unavailable('pulsar') || unavailable('redis'),
  timeout: 300_000,
}, () => {
  const topic = uniqueTopic('operations');
  const pods: Pod[] = [];
  let receiver: OtlpReceiver;
  let pulsar: PulsarAddress;
  let redis: RedisServer;
  let shared: Environment;
  let [one, two, api, history]: Pod[] = [];

  async function serve(kind: string, name: string, ready: RegExp, env: Environment = {}): Promise<Pod> {
    const [port, internalPort] = [await freePort(), await freePort()];
    const listen = kind === 'edge' || kind === 'api' ? { PHAROS_LISTEN: `127.0.0.1:${port}` } : {};
    const own = { ...listen, PHAROS_NAME: name, PHAROS_INTERNAL_LISTEN: `127.0.0.1:${internalPort}` };
    const pod = {
      name,
      process: await pharos(['serve', kind], { ...shared, ...own, ...env }, ready),
      port,
      internalPort,
    };
    pods.push(pod);
    return pod;
  }

  before(async () => {
    [receiver, pulsar, redis] = await Promise.all([OtlpReceiver.start(), sharedPulsar(), startRedis()]);
    shared = {
      ...tracedTo(receiver),
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20of-the-collector',
      PHAROS_PULSAR_URL: pulsar.serviceUrl,
      PHAROS_PULSAR_ADMIN_URL: pulsar.adminUrl,
      PHAROS_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: topic,
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '100',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL: '1h',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_PRESENCE: 'true',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_JOIN_LEAVE: 'true',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_ANONYMOUS: 'true',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_PUBLISH_FOR_ANONYMOUS: 'true',
    };
    const control = { PHAROS_CONTROL_TOPIC: uniqueTopic('operations-control') };
    const ofLeases = { PHAROS_PRESENCE_LEASE: '1s' };
    const ofEdges = {
      ...control,
      ...ofLeases,
      PHAROS_PRESENCE_RENEW_INTERVAL: '300ms',
      PHAROS_CLIENT_ALLOW_ANONYMOUS_CONNECT_WITHOUT_TOKEN: 'true',
      PHAROS_DRAIN_TIMEOUT: '200ms',
    };
    const half = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' };
    [one, two, api, history] = await Promise.all([
      serve('edge', 'one', /listens at/, ofEdges),
      serve('edge', 'two', /listens at/, { ...ofEdges, ...half }),
      serve('api', 'api', /listens at/, { ...control, PHAROS_HTTP_API_KEY: key }),
      serve('history', 'history', /logs are followed/),
      serve('presence', 'presence', /presence .* starts/, ofLeases),
    ]);
  });

  after(async () => {
    // Half of what they need is gone by now: an orderly end would wait for it.
    await Promise.all(pods.map(({ process }) => process.kill()));
    await redis.stop();
    await receiver.stop();
  });

  const spansOf = (traceId: string): ReceivedSpan[] => receiver.spans.items.filter((span) => span.traceId === traceId);

  /** `<span> <process>` of all that came of a trace; what was read from the log must follow from what wrote it. */
  function wayOf(traceId: string): string[] {
    const spans = spansOf(traceId);
    const writing = spans.find(({ name }) => name === 'publish');
    for (const { name, parentSpanId } of spans) {
      if (name === 'deliver' || name === 'store') assert.equal(parentSpanId, writing?.spanId, name);
    }
    return spans.map(({ name, instance }) => `${name} ${instance.replace(/-[0-9a-f]+$/, '')}`).sort();
  }

  /** A publish of the API whose trace is sampled, and seen on its whole way: all before it is then seen, too. */
  async function followedByAll(channel: string): Promise<string> {
    const trace = newTrace();
    await call(api?.port ?? 0, 'publish', { channel, data: 'traced' }, trace);
    await receiver.spans.waitUntil(() => spansOf(trace.traceId).length === 5, 'the way of a publication', 30_000);
    assert.deepEqual(await followed(receiver, trace), {
      'api publish': 'pharos-api',
      publish: 'pharos-api',
      deliver: 'pharos-edge',
      store: 'pharos-history',
    });
    return trace.traceId;
  }

  const whole = (from: string): string[] => ['deliver one', 'deliver two', `publish ${from}`, 'store history'];

  test('the API’s publish: one trace over four processes, by OTLP in Protobuf, with the headers of the collector', async (t) => {
    await subscribe(t, one?.port ?? 0, 'news');
    await subscribe(t, two?.port ?? 0, 'news');
    assert.deepEqual(wayOf(await followedByAll('news')), ['api publish api', ...whole('api')].sort());
    for (const { authorization } of receiver.headers) assert.equal(authorization, 'Bearer of-the-collector');
  });

  test('clients’ publishes: from edge to edge by the message, sampled where they begin and nowhere else', async (t) => {
    const written = await propertiesOf(t, pulsar, topic);
    const [ann, bob] = [await subscribe(t, one?.port ?? 0, 'talk'), await subscribe(t, two?.port ?? 0, 'talk')];
    for (let n = 0; n < count; n++) await ann.client.publish('talk', n);
    for (let n = 0; n < count; n++) await bob.client.publish('talk', n);
    const unsampled = newTrace();
    await call(api?.port ?? 0, 'publish', { channel: 'talk', data: 0 }, unsampled, '00');
    await followedByAll('talk');
    assert.deepEqual(wayOf(unsampled.traceId), [], 'its caller did not ask for that trace');

    const parents = (await written.waitForCount(2 * count)).slice(0, 2 * count).map(({ traceparent = '' }) => {
      const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
      return { traceId, spanId, flags };
    });
    const [anns, bobs] = [parents.slice(0, count), parents.slice(count)];
    // The edge two would sample half of its own clients' publications; of what comes by it is not asked.
    for (const { traceId } of anns) assert.deepEqual(wayOf(traceId), whole('one'));
    const flags = new Set(bobs.map((parent) => parent.flags));
    assert.deepEqual([...flags].sort(), ['', '01'], 'what is not sampled carries no trace');
    for (const parent of bobs) assert.deepEqual(wayOf(parent.traceId), parent.flags === '01' ? whole('two') : []);
    for (const { traceId, spanId, flags: flag } of parents) {
      if (flag === '01') assert.equal((await spanOf(receiver, traceId, 'publish')).spanId, spanId);
    }
  });

  test('no process has series more for many channels, clients and a dead edge’s members', async (t) => {
    // Those of the runtime (kinds of garbage collection, of handles) come and go by themselves.
    const seriesOf = async ({ internalPort }: Pod): Promise<string[]> => {
      const text = await (await fetch(`http://127.0.0.1:${internalPort}/metrics`)).text();
      return text.split('\n').filter((line) => line.startsWith('pharos_') || line.startsWith('process_'));
    };
    const value = async (pod: Pod | undefined, start: string): Promise<number> =>
      (await seriesOf(pod as Pod))
        .filter((line) => line.startsWith(start))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    const until = (pod: Pod | undefined, start: string, least: number): Promise<unknown> =>
      eventually(async () => ((await value(pod, start)) >= least ? true : undefined), `${least} ${start}`, 30_000);
    const presence = pods.find(({ name }) => name === 'presence');
    const join = async (edge: Pod | undefined, channel: string): Promise<void> => {
      const { client, received } = await subscribe(t, edge?.port ?? 0, channel);
      await client.publish(channel, 1);
      await call(api?.port ?? 0, 'publish', { channel, data: 2 }, newTrace());
      for (const method of ['presence', 'history']) await call(api?.port ?? 0, method, { channel }, newTrace());
      await received.waitForCount(2, 30_000);
    };
    await Promise.all([join(one, 'first'), join(two, 'first')]);
    const before = new Map(await Promise.all(pods.map(async (pod) => [pod, await seriesOf(pod)] as const)));
    const names = Array.from({ length: rooms }, (_value, n) => `room-${n}`);
    await Promise.all(names.flatMap((name) => [join(one, name), join(two, name)]));
    await until(history, 'pharos_history_messages_total{kind="stored"}', 4 * rooms);
    await two?.process.kill();
    await until(presence, 'pharos_presence_leaves_total', rooms);
    for (const [pod, series] of before) {
      if (pod === two) continue;
      const after = await seriesOf(pod);
      assert.ok(after.length < 400, `${pod.name}: ${after.length} series`);
      // The first of an outcome can come late; of rooms there would be as many as there are rooms.
      const more = after.length - series.length;
      assert.ok(more < rooms / 2, `${pod.name}: ${series.length} series, then ${more} more`);
      assert.doesNotMatch(after.join('\n'), /room-|first/);
    }
  });

  test('what fails is told with the trace in which it failed: by an edge, and by history', async (t) => {
    const idsIn = async (pod: Pod | undefined, line: RegExp): Promise<Record<string, string>> => {
      const [text = ''] = (await pod?.process.waitForLine(line, { timeoutMs: 60_000 })) ?? [];
      return JSON.parse(text) as Record<string, string>;
    };
    const isSpan = (log: Record<string, string>, name: string): Promise<ReceivedSpan> =>
      receiver.spans.waitFor(
        (span) => span.traceId === log['trace_id'] && span.spanId === log['span_id'] && span.name === name,
        `the span that ${log['msg']} names`,
        30_000,
      );
    const { client } = await subscribe(t, one?.port ?? 0, 'news');
    await redis.stop();
    await call(api?.port ?? 0, 'publish', { channel: 'news', data: 'unkept' }, newTrace());
    await isSpan(await idsIn(history, /.*the store failed; a lane waits.*/), 'store');
    const ended = await fetch(`${pulsar.adminUrl}/admin/v2/${topic.replace('://', '/')}/terminate`, { method: 'POST' });
    assert.ok(ended.ok);
    await assert.rejects(client.publish('news', 'unwritten'));
    await isSpan(await idsIn(one, /.*publishes of clients failed.*/), 'publish');
  });
});
