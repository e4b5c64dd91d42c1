import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { PulsarBus } from '@pharos/bus';
import { Collector, type OtlpReceiver, type ReceivedSpan } from '@pharos/testkit';
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';
import type { Environment, PulsarAddress } from './processes.ts';

/** Of the server API. */
export const key = 'the key of the API';

export interface Trace {
  readonly traceId: string;
  /** Of the application, which is not here. */
  readonly spanId: string;
}

export const newTrace = (): Trace => ({
  traceId: randomBytes(16).toString('hex'),
  spanId: randomBytes(8).toString('hex'),
});

/** Calls the server API as a traced application does. */
export async function call(port: number, method: string, body: object, trace: Trace, flags = '01'): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/api/${method}`, {
    method: 'POST',
    headers: { 'X-API-Key': key, traceparent: `00-${trace.traceId}-${trace.spanId}-${flags}` },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200);
  assert.ok(((await response.json()) as { result?: unknown }).result !== undefined);
}

export interface Subscriber {
  readonly client: Centrifuge;
  /** Data and tags of what comes. */
  readonly received: Collector<string>;
}

export async function subscribe(t: TestContext, port: number, channel: string): Promise<Subscriber> {
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

export function spanOf(receiver: OtlpReceiver, traceId: string, name: string): Promise<ReceivedSpan> {
  const isIt = (span: ReceivedSpan): boolean => span.traceId === traceId && span.name === name;
  return receiver.spans.waitFor(isIt, `the span ${name} of the trace ${traceId}`, 30_000);
}

/** The way of a publication of the API: each span is the child of the one before. */
export async function followed(receiver: OtlpReceiver, { traceId, spanId }: Trace): Promise<Record<string, string>> {
  const served = await spanOf(receiver, traceId, 'api publish');
  assert.equal(served.parentSpanId, spanId, 'the trace of the application goes on');
  const published = await spanOf(receiver, traceId, 'publish');
  assert.equal(published.parentSpanId, served.spanId);
  const [delivered, stored] = [await spanOf(receiver, traceId, 'deliver'), await spanOf(receiver, traceId, 'store')];
  assert.equal(delivered.parentSpanId, published.spanId);
  assert.equal(stored.parentSpanId, published.spanId);
  return Object.fromEntries([served, published, delivered, stored].map(({ name, service }) => [name, service]));
}

export function tracedTo(receiver: OtlpReceiver): Environment {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: '50' };
}

/** Properties of all that comes in a log of one lane from now on, as they lie there. */
export async function propertiesOf(
  t: TestContext,
  pulsar: PulsarAddress,
  topic: string,
): Promise<Collector<Readonly<Record<string, string>>>> {
  const bus = new PulsarBus({ ...pulsar, namePrefix: 'look', tailSubscription: 'exclusive' });
  t.after(() => bus.close());
  const seen = new Collector<Readonly<Record<string, string>>>();
  const log = await bus.openLog({ topic });
  await log.attach(0, {
    entry: (entry) => {
      for (const cursor = entry.publications(); cursor.next(); ) {
        if (!cursor.isMarker()) seen.add(Object.fromEntries(cursor.properties()));
      }
    },
  });
  return seen;
}
