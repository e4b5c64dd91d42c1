import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OtlpReceiver, type ReceivedSpan, sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { type EdgeProcess, localName, startEdge } from './support/edge-process.ts';
import { call, followed, key, newTrace, propertiesOf, spanOf, subscribe, tracedTo } from './support/traces.ts';

const open = {
  PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_ANONYMOUS: 'true',
  PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_PUBLISH_FOR_ANONYMOUS: 'true',
  NODE_OPTIONS: `--import=${fileURLToPath(new URL('fixtures/tell-modules.mjs', import.meta.url))}`,
};

/** Names of the packages of OpenTelemetry that it has loaded. */
async function loaded({ process }: EdgeProcess): Promise<string> {
  process.signal('SIGUSR2');
  const [, names = ''] = await process.waitForLine(/^OpenTelemetry: (.*)$/);
  return names;
}

describe('traces of one process', { timeout: 300_000 }, () => {
  let receiver: OtlpReceiver;

  before(async () => {
    receiver = await OtlpReceiver.start();
  });
  after(() => receiver.stop());

  test('on the embedded log: from the API to the sockets and the store, and the log names the trace', async (t) => {
    const env = {
      ...tracedTo(receiver),
      ...open,
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '100',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL: '1h',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_SERVICE_NAME: 'chat',
      PHAROS_HTTP_API_KEY: key,
    };
    const edge = await startEdge({ env });
    const { port, process } = edge;
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
    // What the next test looks for is found where it is.
    assert.match(await loaded(edge), /@opentelemetry\/sdk-trace-base/);
  });

  test('switched off: nothing of the SDK is loaded, and nothing goes along with a message', {
    skip: unavailable('pulsar'),
  }, async (t) => {
    const [pulsar, topic] = [await sharedPulsar(), uniqueTopic('untraced')];
    const written = await propertiesOf(t, pulsar, topic);
    const edge = await startEdge({ pulsar, topic, env: open });
    const channel = localName(topic);
    const { client, received } = await subscribe(t, edge.port, channel);
    await client.publish(channel, 1);
    await received.waitForCount(1, 30_000);
    const [properties = {}] = await written.waitForCount(1, 30_000);
    assert.deepEqual(Object.keys(properties), ['pharos-client']);
    assert.equal(await loaded(edge), '@opentelemetry/api');
  });
});
