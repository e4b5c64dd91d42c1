// A network that flips bits beyond what TCP's checksum finds, under TLS: each of them is found, in commands too.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, test, type TestContext } from 'node:test';
import { createServer } from 'node:tls';
import {
  CertificateAuthority,
  freePort,
  keepingNamespace,
  startProxy,
  startPulsar,
  unavailable,
  uniqueTopic,
} from '@pharos/testkit';
import { PulsarAdmin } from '../../src/admin/admin.ts';
import { Client } from '../../src/client.ts';
import { Chance, faultRounds } from '../support/chance.ts';
import { Receipts } from '../support/fault-load.ts';
import { consume } from '../support/fault-receivers.ts';
import { Flips } from '../support/flips.ts';
import { readBack } from '../support/read-back.ts';

const allComeWithinMs = 120_000;

/** TLS in front of a plain port; its own port. */
async function startTerminator(t: TestContext, authority: CertificateAuthority, port: number): Promise<number> {
  const { certificate, privateKey } = authority.issue({ hosts: ['127.0.0.1'] });
  const server = createServer({ cert: certificate, key: privateKey }, (client) => {
    const broker = connect(port, '127.0.0.1');
    // Either ends with the other, and a flipped bit is the end.
    pipeline(client, broker).catch(() => undefined);
    pipeline(broker, client).catch(() => undefined);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe('a bad network under TLS', { skip: unavailable('pulsar'), timeout: 600_000 }, () => {
  test('that flips any bit under load: nothing is lost, doubled, out of order or wrong', async (t) => {
    const chance = Chance.for(t);
    const authority = new CertificateAuthority();
    const folder = await mkdtemp(join(tmpdir(), 'pharos-flips-'));
    t.after(() => rm(folder, { recursive: true }));
    const tlsTrustCertsFilePath = join(folder, 'ca.pem');
    await writeFile(tlsTrustCertsFilePath, authority.certificate);
    const brokerPort = await freePort();
    const terminator = await startTerminator(t, authority, brokerPort);
    const proxies = [await startProxy(`127.0.0.1:${terminator}`), await startProxy(`127.0.0.1:${terminator}`)] as const;
    const listeners = proxies.map(({ address }, index) => `proxy${index}:pulsar+ssl://${address}`);
    const advertisedListeners = [`direct:pulsar://127.0.0.1:${brokerPort}`, ...listeners].join(',');
    const server = await startPulsar({
      brokerPort,
      overrides: { advertisedListeners, internalListenerName: 'direct' },
    });
    const [publisher, receiver] = proxies.map(
      ({ address }, index) =>
        new Client({
          serviceUrl: `pulsar+ssl://${address}`,
          listenerName: `proxy${index}`,
          tlsTrustCertsFilePath,
          keepAliveIntervalMs: 1000,
          operationTimeoutSeconds: 20,
          initialBackoffMs: 1,
          maxBackoffMs: 50,
        }),
    ) as [Client, Client];
    const direct = new Client({ serviceUrl: server.serviceUrl });
    t.after(async () => {
      await Promise.all([publisher, receiver, direct].map((client) => client.close(100)));
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await server.stop();
    });
    const namespace = await keepingNamespace(server.adminUrl);
    await new PulsarAdmin({ adminUrl: server.adminUrl }).setDeduplication(namespace, true);
    const topic = uniqueTopic('tls-flips', namespace);
    const receipts = new Receipts('consumer');
    const consumer = await receiver.subscribe({ topic, subscription: 's', subscriptionInitialPosition: 'Earliest' });
    const consuming = consume(consumer, receipts, 'individual');
    const flips = new Flips(proxies, chance);
    const total = faultRounds(2000);
    const loads = await flips.loads(publisher, { topic, sendTimeoutMs: 60_000 }, total);
    await Promise.all(loads.map((load) => load.run()));
    flips.stop();
    await receipts.untilReceived(2 * total, allComeWithinMs);
    const stored = new Receipts('stored');
    for (const { text, id } of await readBack(direct, topic)) stored.add(Buffer.from(text), id);
    const counts = { stored: stored.counts(loads), received: receipts.counts(loads) };
    t.diagnostic(JSON.stringify({ flips: flips.count, ...counts }));
    assert.ok(flips.count >= 10, `${flips.count} bits flipped`);
    for (const { acknowledged, received, lost, duplicated, outOfOrder, wrong } of Object.values(counts)) {
      const found = { acknowledged, received, lost, duplicated, outOfOrder, wrong };
      const all = 2 * total;
      assert.deepEqual(found, { acknowledged: all, received: all, lost: 0, duplicated: 0, outOfOrder: 0, wrong: 0 });
    }
    await receiver.close();
    await consuming;
  });
});
