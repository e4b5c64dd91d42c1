import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  type FaultProxy,
  freePort,
  type PulsarServer,
  sharedPulsar,
  startProxy,
  startPulsar,
  unavailable,
  uniqueTopic,
} from '@pharos/testkit';
import { connectSdk, connectText } from './support/clients.ts';
import { type EdgeProcess, localName, startEdge } from './support/edge-process.ts';
import type { PulsarAddress } from './support/processes.ts';

/** Live, not ready, and clients are refused rather than left waiting. */
async function assertHealthyButNotReady(edge: EdgeProcess, says: RegExp): Promise<void> {
  assert.deepEqual(await edge.internal('/health/live'), { status: 200, body: 'live\n' });
  const ready = await edge.internal('/health/ready');
  assert.equal(ready.status, 503);
  assert.match(ready.body, /^not ready\nstarting: the logs are not open yet: .*\n$/);
  assert.match(ready.body, says);
  await assert.rejects(fetch(edge.pageUrl));
}

async function assertServes(edge: EdgeProcess, topic: string): Promise<void> {
  await edge.process.waitForLine(/Pharos runs at/, { timeoutMs: 90_000 });
  assert.deepEqual(await edge.internal('/health/ready'), { status: 200, body: 'ready\n' });
  const sdk = await connectSdk('sdk', edge.sdkUrl, localName(topic));
  const text = await connectText('text', edge.textUrl);
  await sdk.lines.waitFor((line) => line === `[${text.id}] hello from text`, 'the greeting at the SDK client');
  await sdk.subscription.publish({ text: 'hello back' });
  await text.lines.waitFor((line) => line.endsWith('] hello back'), 'the answer at the text client');
  sdk.centrifuge.disconnect();
  text.drop();
}

describe('a Pulsar URL that leads nowhere, until it does', { skip: unavailable('pulsar'), timeout: 300_000 }, () => {
  let pulsar: PulsarAddress;
  let brokerPort: number;
  const proxies: FaultProxy[] = [];

  before(async () => {
    pulsar = await sharedPulsar();
    brokerPort = await freePort();
  });

  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });

  /** Puts something where the edge looks for its broker, in the place of what was there. */
  async function lead(target: string): Promise<FaultProxy> {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
    const proxy = await startProxy(target, { port: brokerPort });
    proxies.push(proxy);
    return proxy;
  }

  const cases = [
    {
      name: 'nothing listens there',
      wrong: () => Promise.resolve(),
      says: /ECONNREFUSED/,
    },
    {
      name: 'it takes connections and stays silent',
      wrong: async () => (await lead(pulsar.serviceUrl)).blackhole(),
      says: /did not answer as a Pulsar broker within \d+ ms/,
    },
    {
      name: 'it is a web server',
      wrong: async () => void (await lead(pulsar.adminUrl)),
      says: /not a Pulsar broker|HTTP/,
    },
  ];

  for (const { name, wrong, says } of cases) {
    test(`${name}: healthy, not ready, with the reason; ready when the broker is there`, async (context) => {
      await wrong();
      const topic = uniqueTopic('nowhere');
      const serviceUrl = `pulsar://127.0.0.1:${brokerPort}`;
      const edge = await startEdge({ pulsar: { ...pulsar, serviceUrl }, topic, waitUntilReady: false });
      context.after(() => edge.process.kill());
      const [line] = await edge.process.waitForLine(/"msg":"not ready: .*/, { timeoutMs: 60_000 });
      assert.match(line, says);
      assert.ok(line.includes(serviceUrl), line);
      await assertHealthyButNotReady(edge, says);

      await lead(pulsar.serviceUrl);
      await assertServes(edge, topic);
      assert.equal(await edge.stop(), 0);
    });
  }

  test('SIGTERM ends an edge that still waits for its broker', async () => {
    const serviceUrl = `pulsar://127.0.0.1:${brokerPort}`;
    const edge = await startEdge({ pulsar: { ...pulsar, serviceUrl }, waitUntilReady: false });
    await edge.process.waitForLine(/ECONNREFUSED/);
    assert.equal(await edge.stop(), 0);
  });
});

describe('a broker without the index interceptors', { skip: unavailable('pulsar'), timeout: 300_000 }, () => {
  let pulsar: PulsarServer;

  before(async () => {
    pulsar = await startPulsar({ overrides: { brokerEntryMetadataInterceptors: '' } });
  });

  after(async () => {
    await pulsar.stop();
  });

  test('live delivery works, and a warning names the setting', async () => {
    const topic = uniqueTopic('plain');
    const edge = await startEdge({ pulsar, topic });
    await edge.process.waitForLine(/"level":40.*brokerEntryMetadataInterceptors/);
    await assertServes(edge, topic);
    assert.equal(await edge.stop(), 0);
  });
});
