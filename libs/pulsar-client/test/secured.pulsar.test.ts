// TLS and credentials against a real broker that lets nobody in without them; what can go wrong in more ways is in
// connection-tls.test.ts and connection-auth.test.ts.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import {
  CertificateAuthority,
  type CertificateFiles,
  eventually,
  type SecuredPulsar,
  startSecuredPulsar,
  uniqueTopic,
} from '@pharos/testkit';
import { PulsarAdmin } from '../src/admin/admin.ts';
import { AdminError } from '../src/admin/admin-error.ts';
import { AuthenticationBasic } from '../src/auth/basic.ts';
import { AuthenticationTls } from '../src/auth/tls.ts';
import { AuthenticationToken } from '../src/auth/token.ts';
import { Client } from '../src/client.ts';
import type { ClientConfig } from '../src/client-config.ts';
import { PulsarError } from '../src/errors.ts';

const comesWithinMs = 20_000;

let pulsar: SecuredPulsar;
let anybody: CertificateFiles;
/** What lets a client in as `admin`, by TLS. */
let asAdmin: Partial<ClientConfig>;
let dir: string;

before(async () => {
  pulsar = await startSecuredPulsar();
  dir = await mkdtemp(join(tmpdir(), 'pharos-secured-test-'));
  anybody = await pulsar.clientCertificate('anybody');
  asAdmin = { ...tlsOptions(), authentication: new AuthenticationToken({ token: pulsar.token('admin') }) };
});

after(async () => {
  await pulsar.stop();
  await rm(dir, { recursive: true });
});

function tlsOptions(files = anybody): Partial<ClientConfig> {
  return {
    tlsTrustCertsFilePath: pulsar.caPath,
    tlsCertificateFilePath: files.certificatePath,
    tlsPrivateKeyFilePath: files.privateKeyPath,
  };
}

function newClient(t: TestContext, config: Partial<ClientConfig>): Client {
  const client = new Client({
    serviceUrl: pulsar.tlsServiceUrl,
    operationTimeoutSeconds: 30,
    initialBackoffMs: 10,
    maxBackoffMs: 200,
    ...config,
  });
  t.after(() => client.close());
  return client;
}

/** Publishes a message and receives it. */
async function mustWork(client: Client, topic = uniqueTopic('secured')): Promise<void> {
  const consumer = await client.subscribe({ topic, subscription: 's', subscriptionInitialPosition: 'Earliest' });
  const producer = await client.createProducer({ topic });
  await producer.send({ data: Buffer.from('hello') });
  assert.equal((await consumer.receive(comesWithinMs)).getData().toString(), 'hello');
}

async function refusal(t: TestContext, config: Partial<ClientConfig>): Promise<PulsarError> {
  const error = await newClient(t, config)
    .createProducer({ topic: uniqueTopic('refused') })
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  assert.ok(error instanceof PulsarError, String(error));
  return error;
}

describe('a client of a broker with TLS and authentication', () => {
  test('is let in by a token: a text, what a function gives, a file; plain or by TLS', async (t) => {
    const token = pulsar.token('admin');
    const tokenFilePath = join(dir, 'token');
    await writeFile(tokenFilePath, `${token}\n`);
    for (const params of [{ token }, { token: () => Promise.resolve(token) }, { tokenFilePath }]) {
      await mustWork(newClient(t, { ...tlsOptions(), authentication: new AuthenticationToken(params) }));
    }
    const { serviceUrl } = pulsar.server;
    await mustWork(newClient(t, { serviceUrl, authentication: new AuthenticationToken({ token }) }));
  });

  test('is let in by its certificate', async (t) => {
    const files = await pulsar.clientCertificate('admin');
    const config = { tlsTrustCertsFilePath: pulsar.caPath, authentication: new AuthenticationTls(files) };
    await mustWork(newClient(t, config));
  });

  test('is let in by name and password, for what it was granted', async (t) => {
    const authentication = new AuthenticationBasic({ username: 'basic-user', password: 'basic-password' });
    const client = newClient(t, { ...tlsOptions(), authentication });
    const topic = uniqueTopic('basic');
    await assert.rejects(client.createProducer({ topic }), (error) => isRefused(error, 'AuthorizationError'));
    await grant('basic-user', ['produce', 'consume']);
    await mustWork(client, topic);
    const wrong = new AuthenticationBasic({ username: 'basic-user', password: 'tell-nobody' });
    const error = await refusal(t, { ...tlsOptions(), authentication: wrong });
    assert.equal(error.code, 'AuthenticationError');
    assert.ok(!error.message.includes('tell-nobody'));
  });

  test('is not let in without credentials, or with wrong or expired ones, and told so at once', async (t) => {
    const startedAt = performance.now();
    const none = await refusal(t, tlsOptions());
    assert.equal(none.code, 'AuthenticationError');
    assert.match(none.message, /there are no credentials: set 'authentication'/);
    for (const token of ['tell-nobody', pulsar.token('admin', -60)]) {
      const error = await refusal(t, { ...tlsOptions(), authentication: new AuthenticationToken({ token }) });
      assert.equal(error.code, 'AuthenticationError');
      assert.ok(!error.message.includes(token), error.message);
    }
    assert.ok(performance.now() - startedAt < 25_000, 'before the operation timeout');
  });

  test('may do what its role may, no more', async (t) => {
    await grant('reader', ['consume']);
    const authentication = new AuthenticationToken({ token: pulsar.token('reader') });
    const client = newClient(t, { ...tlsOptions(), authentication });
    const topic = uniqueTopic('rights');
    await (await newClient(t, asAdmin).createProducer({ topic })).close();
    await client.subscribe({ topic, subscription: 's' });
    await assert.rejects(client.createProducer({ topic }), (error) => isRefused(error, 'AuthorizationError'));
    const stranger = newClient(t, {
      ...tlsOptions(),
      authentication: new AuthenticationToken({ token: pulsar.token('stranger') }),
    });
    const subscribing = stranger.subscribe({ topic, subscription: 's' });
    await assert.rejects(subscribing, (error) => isRefused(error, 'AuthorizationError'));
  });

  test('goes on over the end of its tokens: fresh ones when the broker asks, no message lost, no connection', async (t) => {
    const given: string[] = [];
    const token = (): string => {
      const fresh = pulsar.token('admin', 2);
      given.push(fresh);
      return fresh;
    };
    const events: string[] = [];
    const metrics = { connection: (event: string): number => events.push(event) };
    const client = newClient(t, { ...tlsOptions(), metrics, authentication: new AuthenticationToken({ token }) });
    const topic = uniqueTopic('refresh');
    const consumer = await client.subscribe({ topic, subscription: 's', subscriptionInitialPosition: 'Earliest' });
    const producer = await client.createProducer({ topic });
    const sent: string[] = [];
    while (given.length < 4) {
      const text = `m${sent.length}`;
      await producer.send({ data: Buffer.from(text) });
      sent.push(text);
    }
    const received: string[] = [];
    while (received.length < sent.length) {
      const message = await consumer.receive(comesWithinMs);
      received.push(message.getData().toString());
      await consumer.acknowledge(message);
    }
    assert.deepEqual(received, sent);
    assert.deepEqual(events, ['opened']);
  });
});

describe('TLS of a real broker', () => {
  test('wants the right CA, the right host, and the right port', async (t) => {
    const otherCa = join(dir, 'other.pem');
    await writeFile(otherCa, new CertificateAuthority('Another CA').certificate);
    const wrongCa = await refusal(t, { ...asAdmin, tlsTrustCertsFilePath: otherCa });
    assert.match(wrongCa.message, /not signed by a CA in tlsTrustCertsFilePath/);
    const serviceUrl = pulsar.tlsServiceUrl.replace('127.0.0.1', 'localhost');
    const wrongHost = await refusal(t, { ...asAdmin, serviceUrl });
    assert.match(wrongHost.message, /is for IP Address:127\.0\.0\.1, not for localhost/);
    await mustWork(newClient(t, { ...asAdmin, serviceUrl, tlsValidateHostname: false }));
    const plainPort = pulsar.server.serviceUrl.replace('pulsar:', 'pulsar+ssl:');
    const toPlain = await refusal(t, { ...asAdmin, serviceUrl: plainPort, operationTimeoutSeconds: 1 });
    assert.match(toPlain.message, /is this a plain port/);
    const tlsPort = pulsar.tlsServiceUrl.replace('pulsar+ssl:', 'pulsar:');
    const toTls = await refusal(t, { serviceUrl: tlsPort, operationTimeoutSeconds: 1 });
    assert.match(toTls.message, /use pulsar\+ssl:/);
    for (const error of [wrongCa, wrongHost, toPlain, toTls]) assert.equal(error.code, 'ConnectError');
  });

  test('wants a client certificate of its CA', async (t) => {
    const { authentication } = asAdmin;
    const config = {
      tlsTrustCertsFilePath: pulsar.caPath,
      ...(authentication === undefined ? {} : { authentication }),
    };
    const missing = await refusal(t, config);
    assert.equal(missing.code, 'AuthenticationError');
    assert.match(missing.message, /wants a client certificate/);
    const { certificate, privateKey } = new CertificateAuthority('Another CA').issue({ commonName: 'admin' });
    const files = { certificatePath: join(dir, 'mallory.pem'), privateKeyPath: join(dir, 'mallory-key.pem') };
    await writeFile(files.certificatePath, certificate);
    await writeFile(files.privateKeyPath, privateKey);
    const refused = await refusal(t, { ...asAdmin, ...tlsOptions(files), operationTimeoutSeconds: 1 });
    assert.match(refused.message, /may refuse the client certificate/);
  });

  test('several hosts: one that is not there does not matter', async (t) => {
    const [, port] = /:(\d+)$/.exec(pulsar.tlsServiceUrl) ?? [];
    for (const hosts of [`127.0.0.1:1,127.0.0.1:${port}`, `127.0.0.1:${port},127.0.0.1:1`]) {
      await mustWork(newClient(t, { ...asAdmin, serviceUrl: `pulsar+ssl://${hosts}` }));
    }
  });

  test('a broker whose certificate has expired is refused, and taken again once it is renewed', async (t) => {
    await pulsar.setBrokerCertificate({ expired: true });
    try {
      const error = await eventually(async () => {
        const client = newClient(t, asAdmin);
        return client.getPartitionsForTopic('chat').then(
          () => undefined,
          (reason: unknown) => reason,
        );
      }, 'the broker shows the expired certificate');
      assert.ok(error instanceof PulsarError, String(error));
      assert.equal(error.code, 'ConnectError');
      assert.match(error.message, /has expired/);
    } finally {
      await pulsar.setBrokerCertificate({ expired: false });
    }
    await eventually(
      () =>
        newClient(t, asAdmin)
          .getPartitionsForTopic('chat')
          .then(
            () => true,
            () => undefined,
          ),
      'the broker shows the renewed certificate',
    );
  });
});

describe('the admin API of a broker with TLS and authentication', () => {
  test('is asked with the same options', async () => {
    const topic = uniqueTopic('admin');
    const admin = new PulsarAdmin({ adminUrl: pulsar.tlsAdminUrl, ...asAdmin });
    await admin.createNonPartitionedTopic(topic, { a: 'b' });
    assert.equal((await admin.getProperties(topic))['a'], 'b');
    const certificate = new AuthenticationTls(await pulsar.clientCertificate('admin'));
    const tls = { tlsTrustCertsFilePath: pulsar.caPath };
    const byCertificate = new PulsarAdmin({ adminUrl: pulsar.tlsAdminUrl, ...tls, authentication: certificate });
    assert.equal((await byCertificate.getProperties(topic))['a'], 'b');
    const hosts = pulsar.tlsAdminUrl.replace('https://', 'https://127.0.0.1:1,');
    assert.equal(await new PulsarAdmin({ adminUrl: hosts, ...asAdmin }).getPartitions(topic), 0);
  });

  test('says what it does not like', async () => {
    const ask = async (config: object): Promise<AdminError> => {
      const error = await new PulsarAdmin({ adminUrl: pulsar.tlsAdminUrl, ...config }).getProperties('chat').then(
        () => undefined,
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof AdminError, String(error));
      return error;
    };
    assert.equal((await ask(tlsOptions())).code, 'refused');
    const authentication = new AuthenticationToken({ token: 'tell-nobody' });
    const wrong = await ask({ ...tlsOptions(), authentication });
    assert.equal(wrong.code, 'refused');
    assert.ok(!wrong.message.includes('tell-nobody'));
    const { tlsTrustCertsFilePath: _ca, ...untrusting } = tlsOptions();
    const untrusted = await ask(untrusting);
    assert.equal(untrusted.code, 'unreachable');
    assert.match(untrusted.message, /none of the CAs that Node\.js trusts/);
  });
});

function isRefused(error: unknown, code: string): boolean {
  return error instanceof PulsarError && error.code === code;
}

/** Lets a role do something with the topics of public/default. */
async function grant(role: string, actions: readonly string[]): Promise<void> {
  const url = `${pulsar.server.adminUrl}/admin/v2/namespaces/public/default/permissions/${role}`;
  const headers = { authorization: `Bearer ${pulsar.token('admin')}`, 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(actions) });
  assert.ok(response.ok, `${response.status} ${await response.text()}`);
}
