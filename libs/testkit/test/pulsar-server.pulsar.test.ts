import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { eventually, freePort, sharedPulsar, startProxy, startPulsar, unavailable } from '@pharos/testkit';
import type { PulsarServer } from '@pharos/testkit';

async function request(server: { adminUrl: string }, path: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(server.adminUrl + path, { signal: AbortSignal.timeout(20_000), ...init });
  const body = await response.text();
  assert.ok(response.ok, `${path}: ${response.status} ${body}`);
  return body;
}

/** A topic that holds messages makes the broker use its bookie, which admin requests alone do not. */
async function produce(server: PulsarServer, topic: string, payload: string): Promise<void> {
  const body = JSON.stringify({ producerName: 'test', messages: [{ payload }] });
  const path = `/topics/persistent/public/default/${topic}`;
  const answer = await request(server, path, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  assert.match(answer, /"messageId"/);
  assert.doesNotMatch(answer, /"errorCode":[1-9]/);
}

async function entries(server: PulsarServer, topic: string): Promise<number> {
  const stats = await request(server, `/admin/v2/persistent/public/default/${topic}/internalStats`);
  const { numberOfEntries } = JSON.parse(stats) as { numberOfEntries: number };
  return numberOfEntries;
}

async function configuration(server: PulsarServer): Promise<Record<string, string>> {
  return JSON.parse(await request(server, '/admin/v2/brokers/configuration/runtime')) as Record<string, string>;
}

/** Of what is still being waited for. */
const noAnswer = (): undefined => undefined;

describe('startPulsar', { skip: unavailable('pulsar'), timeout: 600_000 }, () => {
  test('a killed broker comes back on the same ports with its data; stop leaves nothing', async () => {
    const server = await startPulsar();
    const { serviceUrl, pid } = server;
    try {
      await request(server, '/admin/v2/persistent/public/default/kept', { method: 'PUT' });
      await produce(server, 'kept', 'one');
      await server.kill();
      assert.throws(() => server.pid, { code: 'not-running' });
      await server.restart();
      assert.equal(server.serviceUrl, serviceUrl);
      assert.notEqual(server.pid, pid);
      await produce(server, 'kept', 'two');
      assert.equal(await entries(server, 'kept'), 2);
      server.pause();
      // A process of many threads may still answer in the moment in which it is stopped.
      const answer = (): Promise<string> => request(server, '/admin/v2/clusters', { signal: AbortSignal.timeout(300) });
      await eventually(() => answer().then(noAnswer, () => true), 'silence of the stopped broker');
      server.resume();
      assert.match(await request(server, '/admin/v2/clusters'), /standalone/);
    } finally {
      await server.stop();
    }
    assert.equal(existsSync(server.dataDir), false);
  });

  test('a data folder keeps topics over servers; overrides reach the broker', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'pharos-kept-'));
    try {
      const first = await startPulsar({ dataDir });
      try {
        await request(first, '/admin/v2/persistent/public/default/kept', { method: 'PUT' });
        await produce(first, 'kept', 'one');
        const configured = await configuration(first);
        assert.match(configured['brokerEntryMetadataInterceptors'] ?? '', /AppendIndexMetadataInterceptor/);
        assert.equal(configured['activeConsumerFailoverDelayTimeMillis'], '0');
        assert.equal(configured['backlogQuotaDefaultRetentionPolicy'], 'consumer_backlog_eviction');
      } finally {
        await first.stop();
      }
      const overrides = { brokerEntryMetadataInterceptors: '', maxMessageSize: '1048576' };
      const second = await startPulsar({ dataDir, overrides, javaOptions: ['-Xmx400m'] });
      try {
        const changed = await configuration(second);
        assert.doesNotMatch(changed['brokerEntryMetadataInterceptors'] ?? '', /Index/);
        assert.equal(changed['maxMessageSize'], '1048576');
        assert.equal(await entries(second, 'kept'), 1);
      } finally {
        await second.stop();
      }
      assert.ok((await readFile(second.logPath, 'utf8')).length > 0);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  test('a broker behind the fault proxy sends its clients to the proxy', async () => {
    const brokerPort = await freePort();
    const proxy = await startProxy(`127.0.0.1:${brokerPort}`);
    const advertisedListeners = `internal:pulsar://${proxy.address}`;
    const server = await startPulsar({ brokerPort, overrides: { advertisedListeners } });
    try {
      const found = await request(server, '/lookup/v2/topic/persistent/public/default/any');
      assert.equal((JSON.parse(found) as { brokerUrl: string }).brokerUrl, `pulsar://${proxy.address}`);
    } finally {
      await server.stop();
      await proxy.close();
    }
  });

  test('a broker that cannot start says why', async () => {
    const overrides = { brokerEntryMetadataInterceptors: 'no.such.Interceptor' };
    await assert.rejects(startPulsar({ overrides, readyTimeoutMs: 60_000 }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'start-failed');
      return /no\.such\.Interceptor/.test(error.message);
    });
  });

  test('the shared broker is one and takes connections', async () => {
    const shared = await sharedPulsar();
    assert.deepEqual(await sharedPulsar(), shared);
    const url = new URL(shared.serviceUrl);
    const socket = connect(Number(url.port), url.hostname);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.destroy();
  });
});
