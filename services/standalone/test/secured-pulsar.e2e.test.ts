// The server and the commands on a Pulsar that speaks TLS and lets nobody in without credentials.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type SecuredPulsar, startSecuredPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { connectSdk, connectText } from './support/clients.ts';
import { localName, startEdge } from './support/edge-process.ts';
import { type Environment, pharos } from './support/processes.ts';

describe('a Pulsar with TLS and authentication', { skip: unavailable('pulsar'), timeout: 300_000 }, () => {
  let pulsar: SecuredPulsar;
  let dir: string;
  let tokenFile: string;
  let tls: Environment;

  before(async () => {
    pulsar = await startSecuredPulsar();
    dir = await mkdtemp(join(tmpdir(), 'pharos-secured-'));
    tokenFile = join(dir, 'token');
    const files = await pulsar.clientCertificate('anybody');
    tls = {
      PHAROS_PULSAR_TLS_CA_FILE: pulsar.caPath,
      PHAROS_PULSAR_TLS_CERT_FILE: files.certificatePath,
      PHAROS_PULSAR_TLS_KEY_FILE: files.privateKeyPath,
    };
  });

  after(async () => {
    await pulsar.stop();
    await rm(dir, { recursive: true });
  });

  test('carries a chat; the token of a file is no line of any log', async () => {
    const token = pulsar.token('admin');
    await writeFile(tokenFile, `${token}\n`);
    const topic = uniqueTopic('secured');
    const address = { serviceUrl: pulsar.tlsServiceUrl, adminUrl: pulsar.tlsAdminUrl };
    const env = { ...tls, PHAROS_PULSAR_AUTH_TOKEN_FILE: tokenFile, PHAROS_LOG_LEVEL: 'debug' };
    const edge = await startEdge({ pulsar: address, topic, env });
    const sdk = await connectSdk('sdk', edge.sdkUrl, localName(topic));
    const text = await connectText('text', edge.textUrl);
    await sdk.subscription.publish({ text: 'over TLS' });
    await text.lines.waitFor((line) => line.endsWith('] over TLS'), 'the message at the text client');
    sdk.centrifuge.disconnect();
    text.drop();
    await edge.stop();
    const logged = [...edge.process.stdout.lines, ...edge.process.stderr.lines].join('\n');
    assert.ok(logged.includes('Pharos runs at'));
    assert.ok(!logged.includes('live delivery only'), 'the admin API could be used');
    assert.ok(!logged.includes(token));
  });

  test('a role that is admin of its tenant and no more is enough, and what it can not check is said', async () => {
    const asAdmin = { authorization: `Bearer ${pulsar.token('admin')}`, 'content-type': 'application/json' };
    const put = async (path: string, body: unknown): Promise<void> => {
      const url = `${pulsar.server.adminUrl}/admin/v2/${path}`;
      const response = await fetch(url, { method: 'PUT', headers: asAdmin, body: JSON.stringify(body) });
      assert.ok(response.ok, `${path}: ${response.status} ${await response.text()}`);
    };
    const clusters = await fetch(`${pulsar.server.adminUrl}/admin/v2/clusters`, { headers: asAdmin });
    const [cluster] = (await clusters.json()) as string[];
    await put('tenants/chat', { adminRoles: ['pharos-edge'], allowedClusters: [cluster] });
    await put('namespaces/chat/live', {});
    const address = { serviceUrl: pulsar.tlsServiceUrl, adminUrl: pulsar.tlsAdminUrl };
    const topic = 'persistent://chat/live/room';
    const env = {
      ...tls,
      PHAROS_PULSAR_AUTH_TOKEN: pulsar.token('pharos-edge'),
      PHAROS_CONTROL_TOPIC: 'persistent://chat/live/control',
    };
    const edge = await startEdge({ pulsar: address, topic, env });
    const sdk = await connectSdk('sdk', edge.sdkUrl, 'room');
    await sdk.subscription.publish({ text: 'within its rights' });
    await sdk.lines.waitFor((line) => line.includes('within its rights'), 'the publication');
    sdk.centrifuge.disconnect();
    await edge.stop();
    const logged = [...edge.process.stdout.lines, ...edge.process.stderr.lines].join('\n');
    assert.ok(!logged.includes('live delivery only'), logged);
    assert.match(logged, /configuration can't be checked/);
  });

  test('that refuses the token keeps the server waiting, which says so without the token', async () => {
    const token = pulsar.token('admin', -60);
    const address = { serviceUrl: pulsar.tlsServiceUrl, adminUrl: pulsar.tlsAdminUrl };
    const env = { ...tls, PHAROS_PULSAR_AUTH_TOKEN: token };
    const edge = await startEdge({ pulsar: address, topic: uniqueTopic('refused'), env, waitUntilReady: false });
    await edge.process.waitForLine(/refused the connection: Failed to authenticate/, { timeoutMs: 90_000 });
    assert.equal((await edge.internal('/health/live')).status, 200);
    const ready = await edge.internal('/health/ready');
    assert.equal(ready.status, 503);
    await edge.stop();
    const logged = [...edge.process.stdout.lines, ...edge.process.stderr.lines, ready.body].join('\n');
    assert.ok(!logged.includes(token));
  });

  test('is there for the commands, by options or by the environment', async () => {
    const token = pulsar.token('admin');
    await writeFile(tokenFile, token);
    const to = ['--url', pulsar.tlsServiceUrl, '--topic', uniqueTopic('commands')];
    const options = ['--tls-ca', pulsar.caPath, '--token-file', tokenFile];
    const certificate = [
      ['--tls-cert', tls['PHAROS_PULSAR_TLS_CERT_FILE']],
      ['--tls-key', tls['PHAROS_PULSAR_TLS_KEY_FILE']],
    ].flatMap(([flag, file]) => [String(flag), String(file)]);
    const produce = await pharos(['produce', ...to, ...options, ...certificate], { PHAROS_PULSAR_AUTH_TOKEN: 'stale' });
    await produce.write('hello\n');
    produce.endInput();
    assert.equal((await produce.exited).code, 0, produce.stderr.tail());
    const read = ['consume', ...to, '--from', 'earliest', '--count', '1'];
    const consume = await pharos(read, { ...tls, PHAROS_PULSAR_AUTH_TOKEN: token });
    assert.equal((await consume.exited).code, 0, consume.stderr.tail());
    assert.deepEqual(consume.stdout.lines, ['Received message: hello']);
    const refused = await pharos(read, { ...tls, PHAROS_PULSAR_AUTH_TOKEN: 'tell-nobody' });
    assert.equal((await refused.exited).code, 1);
    assert.match(refused.stderr.tail(), /Failed to authenticate/);
    assert.ok(!refused.stderr.tail().includes('tell-nobody'));
  });
});
