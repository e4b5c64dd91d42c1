import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
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
  await edge.process.waitForLine(/Pharos runs at/, { timeoutMs: 40_000 });
  assert.deepEqual(await edge.internal('/health/ready'), { status: 200, body: 'ready\n' });
  const sdk = await connectSdk('sdk', edge.sdkUrl, localName(topic));
  const text = await connectText('text', edge.textUrl);
  await sdk.lines.waitFor((line) => line === `[${text.id}] hello from text`, 'the greeting at the SDK client');
  await sdk.subscription.publish({ text: 'hello back' });
  await text.lines.waitFor((line) => line.endsWith('] hello back'), 'the answer at the text client');
  sdk.centrifuge.disconnect();
  text.drop();
}

describe('a Pulsar URL that leads nowhere, until it does', { skip: unavailable('pulsar'), timeout: 180_000 }, () => {
  let pulsar: PulsarAddress;
  const port = { broker: 0, admin: 0 };
  const proxies: FaultProxy[] = [];

  before(async () => {
    pulsar = await sharedPulsar();
    port.broker = await freePort();
    port.admin = await freePort();
  });

  after(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
  });

  async function proxy(target: string, at: number): Promise<FaultProxy> {
    const made = await startProxy(target, { port: at });
    proxies.push(made);
    return made;
  }

  const cases = [
    {
      name: 'nothing listens there',
      wrong: () => Promise.resolve(() => Promise.resolve()),
      says: /refused/,
    },
    {
      name: 'it takes connections and stays silent',
      wrong: async () => {
        const silent = [await proxy(pulsar.serviceUrl, port.broker), await proxy(pulsar.adminUrl, port.admin)];
        for (const peer of silent) peer.blackhole();
        return async () => void (await Promise.all(silent.map((peer) => peer.close())));
      },
      says: /did not|no answer|not answer|timed? ?out|in time/i,
    },
    {
      name: 'it is a web server',
      wrong: async () => {
        const web = [await proxy(pulsar.adminUrl, port.broker), await proxy(pulsar.adminUrl, port.admin)];
        return async () => void (await Promise.all(web.map((peer) => peer.close())));
      },
      says: /HTTP|not.*Pulsar/i,
    },
  ];

  for (const { name, wrong, says } of cases) {
    test(`${name}: healthy, not ready, with the reason; ready when the broker is there`, async (context) => {
      const mend = await wrong();
      const topic = uniqueTopic('nowhere');
      const edge = await startEdge({
        pulsar: {
          serviceUrl: `pulsar://127.0.0.1:${port.broker}`,
          adminUrl: `http://127.0.0.1:${port.admin}`,
        },
        topic,
        waitUntilReady: false,
      });
      context.after(() => edge.process.kill());
      const [line] = await edge.process.waitForLine(/.*not ready: .*/, { timeoutMs: 40_000 });
      assert.match(line, says);
      assert.match(line, new RegExp(`127\\.0\\.0\\.1:${port.broker}\\b`));
      await assertHealthyButNotReady(edge, says);

      await mend();
      const right = [await proxy(pulsar.serviceUrl, port.broker), await proxy(pulsar.adminUrl, port.admin)];
      await assertServes(edge, topic);
      assert.equal(await edge.stop(), 0);
      await Promise.all(right.map((peer) => peer.close()));
    });
  }

  test('SIGTERM ends an edge that still waits for its broker', async () => {
    const pulsarUrl = `pulsar://127.0.0.1:${port.broker}`;
    const edge = await startEdge({ pulsar: { ...pulsar, serviceUrl: pulsarUrl }, waitUntilReady: false });
    await edge.process.waitForLine(/not ready: /);
    assert.equal(await edge.stop(), 0);
  });
});

describe('a broker without the index interceptors', { skip: unavailable('pulsar'), timeout: 120_000 }, () => {
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
