import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, type TestContext, test } from 'node:test';
import {
  Collector,
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
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';
import { startEdge } from './support/edge-process.ts';
import { type Environment, pharos } from './support/processes.ts';

const key = 'the key of the API';
const channels = {
  PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '100',
  PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL: '1h',
  PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_ANONYMOUS: 'true',
  PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_PUBLISH_FOR_ANONYMOUS: 'true',
};

interface Trace {
  readonly traceId: string;
  /** Of the application, which is not here. */
  readonly spanId: string;
}

const newTrace = (): Trace => ({ traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') });

/** Calls the server API as a traced application does. */
async function call(port: number, method: string, body: object, trace: Trace, flags = '01'): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/api/${method}`, {
    method: 'POST',
    headers: { 'X-API-Key': key, traceparent: `00-${trace.traceId}-${trace.spanId}-${flags}` },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200);
  assert.ok(((await response.json()) as { result?: unknown }).result !== undefined);
}

interface Subscriber {
  readonly client: Centrifuge;
  /** Data and tags of what comes. */
  readonly received: Collector<string>;
}

async function subscribe(t: TestContext, port: number, channel: string): Promise<Subscriber> {
  const client = new Centrifuge(`ws://127.0.0.1:${port}/connection/websocket`, { websocket: WebSocket });
  t.after(() => client.disconnect());
  const received = new Collector<string>();
  const subscription = client.newSubscription(channel);
  subscription.on('publication', ({ data, tags }) => received.add(JSON.stringify([data, tags])));
  subscription.subscribe();
  client.connect();
  await subscription.ready(30_000);
  return { client, received };
}

function spanOf(receiver: OtlpReceiver, traceId: string, name: string): Promise<ReceivedSpan> {
  const isIt = (span: ReceivedSpan): boolean => span.traceId === traceId && span.name === name;
  return receiver.spans.waitFor(isIt, `the span ${name} of the trace ${traceId}`, 30_000);
}

/** The way of a publication of the API: each span is the child of the one before. */
async function followed(receiver: OtlpReceiver, { traceId, spanId }: Trace): Promise<Record<string, string>> {
  const served = await spanOf(receiver, traceId, 'api publish');
  assert.equal(served.parentSpanId, spanId, 'the trace of the application goes on');
  const published = await spanOf(receiver, traceId, 'publish');
  assert.equal(published.parentSpanId, served.spanId);
  const [delivered, stored] = [await spanOf(receiver, traceId, 'deliver'), await spanOf(receiver, traceId, 'store')];
  assert.equal(delivered.parentSpanId, published.spanId);
  assert.equal(stored.parentSpanId, published.spanId);
  return Object.fromEntries([served, published, delivered, stored].map(({ name, service }) => [name, service]));
}

function tracedTo(receiver: OtlpReceiver): Environment {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: '50' };
}

describe('traces', { timeout: 300_000 }, () => {
  let receiver: OtlpReceiver;

  before(async () => {
    receiver = await OtlpReceiver.start();
  });
  after(() => receiver.stop());

  test('one process on the embedded log: from the API to the sockets and the store, and the log names the trace', async (t) => {
    const env = {
      ...tracedTo(receiver),
      ...channels,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_SERVICE_NAME: 'chat',
      PHAROS_HTTP_API_KEY: key,
    };
    const { port, process } = await startEdge({ env });
    const { client, received } = await subscribe(t, port, 'news');

    const unsampled = newTrace();
    await call(port, 'publish', { channel: 'news', data: 0 }, unsampled, '00');
    const trace = newTrace();
    await call(port, 'publish', { channel: 'news', data: 1, tags: { a: 'b' } }, trace);
    const services = await followed(receiver, trace);
    assert.deepEqual(services, { 'api publish': 'chat', publish: 'chat', deliver: 'chat', store: 'chat' });
    await received.waitFor((text) => text === '[1,{"a":"b"}]', 'the publication, without what belongs to its trace');

    const removal = newTrace();
    await call(port, 'history_remove', { channel: 'news' }, removal);
    const [line] = await process.waitForLine(/.*admin command history_remove.*/);
    assert.equal((JSON.parse(line) as { trace_id?: string }).trace_id, removal.traceId);

    // A client's publish begins a trace of its own.
    await client.publish('news', 2);
    const isClients = (span: ReceivedSpan): boolean => span.name === 'publish' && span.parentSpanId === '';
    const published = await receiver.spans.waitFor(isClients, 'the span of a client’s publish', 30_000);
    assert.equal((await spanOf(receiver, published.traceId, 'deliver')).parentSpanId, published.spanId);
    assert.ok(
      !receiver.spans.items.some(({ traceId }) => traceId === unsampled.traceId),
      'nobody asked for that trace',
    );
  });

  describe('over processes', { skip: unavailable('pulsar') || unavailable('redis') }, () => {
    const services: ServiceProcess[] = [];
    let redis: RedisServer;

    before(async () => {
      redis = await startRedis();
    });
    after(async () => {
      await Promise.all(services.map((service) => service.stop(60_000)));
      await redis.stop();
    });

    test('API, edge and history on a Pulsar: one trace, by OTLP in Protobuf', async (t) => {
      const pulsar = await sharedPulsar();
      const shared = {
        ...tracedTo(receiver),
        ...channels,
        PHAROS_PULSAR_URL: pulsar.serviceUrl,
        PHAROS_PULSAR_ADMIN_URL: pulsar.adminUrl,
        PHAROS_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
        PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: uniqueTopic('traces'),
      };
      const serve = async (kind: string, ready: RegExp, env: Environment = {}): Promise<number> => {
        const port = await freePort();
        const listen = kind === 'history' ? {} : { PHAROS_LISTEN: `127.0.0.1:${port}` };
        const own = { ...listen, PHAROS_INTERNAL_LISTEN: `127.0.0.1:${await freePort()}` };
        services.push(await pharos(['serve', kind], { ...shared, ...own, ...env }, ready));
        return port;
      };
      const control = { PHAROS_CONTROL_TOPIC: uniqueTopic('traces-control') };
      const edge = await serve('edge', /listens at/, {
        ...control,
        PHAROS_CLIENT_ALLOW_ANONYMOUS_CONNECT_WITHOUT_TOKEN: 'true',
        PHAROS_DRAIN_TIMEOUT: '200ms',
      });
      const api = await serve('api', /listens at/, { ...control, PHAROS_HTTP_API_KEY: key });
      await serve('history', /logs are followed/);
      await subscribe(t, edge, 'news');
      const trace = newTrace();
      await call(api, 'publish', { channel: 'news', data: 1 }, trace);
      assert.deepEqual(await followed(receiver, trace), {
        'api publish': 'pharos-api',
        publish: 'pharos-api',
        deliver: 'pharos-edge',
        store: 'pharos-history',
      });
    });
  });
});
