// TLS against a scripted broker; against a real one in secured.pulsar.test.ts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { TlsOptions } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CertificateAuthority, type CertificateOptions } from '@pharos/testkit';
import { AuthenticationTls } from '../src/auth/tls.ts';
import type { ClientConfig } from '../src/client-config.ts';
import { explainTlsError } from '../src/connection/tls-errors.ts';
import { PulsarError } from '../src/errors.ts';
import { lookupResult } from '../src/wire/index.ts';
import { newProducer, startScripted } from './support/producers.ts';
import type { ScriptedBroker } from './support/scripted-broker.ts';

const partitionsOf = fileURLToPath(new URL('fixtures/partitions-of.ts', import.meta.url));

const here: CertificateOptions = { hosts: ['127.0.0.1'] };

const writeError =
  'write EPROTO 80:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:ssl/record/rec_layer_s3.c:1605:SSL alert number 42';

let authority: CertificateAuthority;
let dir: string;
let caPath: string;

function server(options: CertificateOptions = here): TlsOptions {
  const { certificate: cert, privateKey: key } = authority.issue(options);
  return { cert, key };
}

async function file(name: string, text: string): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, text);
  return path;
}

async function clientFiles(name: string, of = authority): Promise<{ certificatePath: string; privateKeyPath: string }> {
  const { certificate, privateKey } = of.issue({ commonName: name });
  return {
    certificatePath: await file(`${name}.pem`, certificate),
    privateKeyPath: await file(`${name}-key.pem`, privateKey),
  };
}

/** Why a client of a broker with this certificate could not make a producer: at once, or the retries would use up the test. */
async function refusal(t: TestContext, tls: TlsOptions, config: Partial<ClientConfig> = {}): Promise<PulsarError> {
  const { client } = await startTls(t, tls, { operationTimeoutSeconds: 20, ...config });
  const startedAt = performance.now();
  try {
    await newProducer(client);
  } catch (error) {
    assert.ok(error instanceof PulsarError, String(error));
    assert.ok(performance.now() - startedAt < 10_000, `it is tried again: ${error.message} ${String(error.cause)}`);
    return error;
  }
  throw new Error('it was let in');
}

/** A broker that speaks TLS, and a client that trusts the CA. */
function startTls(
  t: TestContext,
  tls: TlsOptions,
  config: Partial<ClientConfig> = {},
  host = '127.0.0.1',
): Promise<Awaited<ReturnType<typeof startScripted>>> {
  const urlOf = ({ serviceUrl }: ScriptedBroker): string => serviceUrl.replace('127.0.0.1', host);
  return startScripted(t, { tls }, { tlsTrustCertsFilePath: caPath, ...config }, urlOf);
}

before(async () => {
  authority = new CertificateAuthority();
  dir = await mkdtemp(join(tmpdir(), 'pharos-tls-'));
  caPath = await file('ca.pem', authority.certificate);
});

after(() => rm(dir, { recursive: true }));

describe('a broker that speaks TLS', () => {
  test('is taken where the CA is trusted and the certificate is for its host', async (t) => {
    const { broker, client } = await startTls(t, server());
    await newProducer(client);
    const { peer } = await broker.hear('connect');
    assert.ok(peer.serverName === undefined || peer.serverName === false, 'an address is no server name');
  });

  test('is told the host name that is meant', async (t) => {
    const { broker, client } = await startTls(t, server({ hosts: ['localhost'] }), {}, 'localhost');
    broker.on('lookup', ({ command: { requestId }, peer }) => {
      const brokerServiceUrlTls = broker.serviceUrl.replace('127.0.0.1', 'localhost');
      peer.say({ type: 'lookupResponse', command: { requestId, response: lookupResult.connect, brokerServiceUrlTls } });
    });
    await newProducer(client);
    assert.equal((await broker.hear('connect')).peer.serverName, 'localhost');
  });

  test('of a CA that the operator has Node.js trust is taken', async (t) => {
    const { broker } = await startTls(t, server());
    const args = ['--conditions=source', '--import', 'tsx', partitionsOf];
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: caPath };
    const { stdout } = await promisify(execFile)(process.execPath, [...args, broker.serviceUrl], { env });
    assert.equal(stdout.trim(), 'persistent://public/default/chat');
  });

  test('of a CA that is not trusted is refused: another one, or none of ours', async (t) => {
    const other = await file('other-ca.pem', new CertificateAuthority('Another CA').certificate);
    const wrong = await refusal(t, server(), { tlsTrustCertsFilePath: other });
    assert.equal(wrong.code, 'ConnectError');
    assert.match(wrong.message, /not signed by a CA in tlsTrustCertsFilePath '.*other-ca\.pem'/);
    const none = await refusal(t, server(), { tlsTrustCertsFilePath: undefined } as unknown as Partial<ClientConfig>);
    assert.match(none.message, /none of the CAs that Node\.js trusts; set tlsTrustCertsFilePath/);
  });

  test('whose certificate is for another host is refused', async (t) => {
    const error = await refusal(t, server({ hosts: ['elsewhere.example'] }));
    assert.equal(error.code, 'ConnectError');
    assert.match(error.message, /is for DNS:elsewhere\.example, not for 127\.0\.0\.1; .* tlsValidateHostname/);
  });

  test('whose certificate has expired is refused', async (t) => {
    const error = await refusal(t, server({ ...here, expired: true }));
    assert.equal(error.code, 'ConnectError');
    assert.match(error.message, /has expired/);
  });

  test('is taken with another name, or any certificate, only where that is asked for', async (t) => {
    const named = await startTls(t, server({ hosts: ['elsewhere.example'] }), { tlsValidateHostname: false });
    await newProducer(named.client);
    const any = {
      tlsAllowInsecureConnection: true,
      tlsTrustCertsFilePath: undefined,
    } as unknown as Partial<ClientConfig>;
    const insecure = await startTls(t, server({ hosts: ['elsewhere.example'], expired: true }), any);
    await newProducer(insecure.client);
    const validating = await refusal(t, server({ hosts: [], expired: true }), { tlsValidateHostname: false });
    assert.match(validating.message, /has expired/, 'the name is not all that is looked at');
  });

  test('that names no address with TLS is not gone to without', async (t) => {
    const { broker, client } = await startTls(t, server(), { operationTimeoutSeconds: 0.2 });
    broker.on('lookup', ({ command: { requestId }, peer }) => {
      const brokerServiceUrl = 'pulsar://127.0.0.1:6650';
      peer.say({ type: 'lookupResponse', command: { requestId, response: lookupResult.connect, brokerServiceUrl } });
    });
    await assert.rejects(newProducer(client), /named no TLS address/);
  });
});

describe('a client certificate', () => {
  const demanding = (): TlsOptions => ({
    ...server(),
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: true,
  });

  test('is shown, whichever way it is given', async (t) => {
    const ann = await clientFiles('ann');
    const bob = await clientFiles('bob');
    const byOption = { tlsCertificateFilePath: bob.certificatePath, tlsPrivateKeyFilePath: bob.privateKeyPath };
    for (const [config, name] of [
      [{ authentication: new AuthenticationTls(ann) }, 'ann'],
      [byOption, 'bob'],
      [{ ...byOption, authentication: new AuthenticationTls(ann) }, 'ann'],
    ] as const) {
      const { broker, client } = await startTls(t, demanding(), config);
      await newProducer(client);
      assert.equal((await broker.hear('connect')).peer.clientName, name);
    }
  });

  test('that is wanted and not there is said, at once', async (t) => {
    const error = await refusal(t, demanding());
    assert.equal(error.code, 'AuthenticationError');
    assert.match(error.message, /wants a client certificate; set tlsCertificateFilePath/);
  });

  test('may be what the broker does not like where it hangs up without a word', async (t) => {
    const files = await clientFiles('mallory', new CertificateAuthority('Another CA'));
    const config = { authentication: new AuthenticationTls(files), operationTimeoutSeconds: 2 };
    const { client } = await startTls(t, demanding(), config);
    await assert.rejects(newProducer(client), /may refuse the client certificate: set tlsCertificateFilePath/);
  });

  test('that the broker does not like is said, in the words of its TLS', () => {
    const settings = { trustCertsFilePath: undefined, certificate: undefined, validateHostname: true };
    const tls = { ...settings, allowInsecureConnection: false };
    for (const [hasCertificate, fields, text] of [
      [false, { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }, /wants a client certificate; set tls/],
      [false, { code: 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE' }, /wants a client certificate; set tls/],
      [true, { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' }, /refuses the client certificate/],
      [true, { code: 'EPROTO', message: writeError }, /refuses the client certificate/],
    ] as const) {
      const cause = Object.assign(new Error('alert'), fields);
      const error = explainTlsError(cause, 'pulsar+ssl://host:1', tls, hasCertificate);
      assert.ok(error !== undefined);
      assert.deepEqual([error.code, error.retryable], ['AuthenticationError', false]);
      assert.match(error.message, text);
    }
    assert.equal(explainTlsError(new Error('read ECONNRESET'), 'pulsar+ssl://host:1', tls, true), undefined);
  });
});

describe('the files', () => {
  test('are read again for each connection', async (t) => {
    const files = await clientFiles('carol');
    const asking = { ...server(), ca: authority.certificate, requestCert: true };
    const { broker, client } = await startTls(t, asking, { authentication: new AuthenticationTls(files) });
    await newProducer(client);
    const next = authority.issue({ commonName: 'dave' });
    await file('carol.pem', next.certificate);
    await file('carol-key.pem', next.privateKey);
    broker.cutAll();
    assert.equal((await broker.hear('connect', 2)).peer.clientName, 'dave');
  });

  test('that are missing or hold something else are named', async (t) => {
    const noise = await file('noise.pem', 'hello');
    const broken = await file('broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    for (const tlsTrustCertsFilePath of [join(dir, 'nowhere.pem'), noise, broken]) {
      const error = await refusal(t, server(), { tlsTrustCertsFilePath });
      assert.equal(error.code, 'ConnectError');
      assert.match(error.message, /tlsTrustCertsFilePath: the certificates in '.*pem' can't be used/);
    }
    const ann = await clientFiles('ann');
    for (const [certificatePath, privateKeyPath] of [
      [noise, ann.privateKeyPath],
      [ann.certificatePath, noise],
      [caPath, ann.privateKeyPath],
    ] as const) {
      const authentication = new AuthenticationTls({ certificatePath, privateKeyPath });
      const error = await refusal(t, server(), { authentication });
      assert.equal(error.code, 'AuthenticationError');
      assert.ok(error.message.includes(certificatePath) && error.message.includes(privateKeyPath), error.message);
    }
  });
});

describe('the wrong kind of port', () => {
  test('with TLS where plain is spoken', async (t) => {
    // What a real broker does with bytes that are too long to be a frame: it hangs up.
    const plain = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.end());
    }).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    t.after(() => plain.close());
    const { port } = plain.address() as AddressInfo;
    const error = await refusalAt(t, `pulsar+ssl://127.0.0.1:${port}`);
    assert.match(error.message, /while TLS was being set up; is this a plain port \(pulsar:/);
  });

  test('with TLS where HTTP is spoken', async (t) => {
    const http = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
    await once(http, 'listening');
    t.after(() => http.close());
    const error = await refusalAt(t, `pulsar+ssl://127.0.0.1:${(http.address() as AddressInfo).port}`);
    assert.match(error.message, /does not speak TLS/);
  });

  test('plain where TLS is spoken', async (t) => {
    const { broker } = await startTls(t, server());
    const error = await refusalAt(t, broker.serviceUrl.replace('pulsar+ssl:', 'pulsar:'));
    assert.match(error.message, /use pulsar\+ssl:/);
  });
});

async function refusalAt(t: TestContext, serviceUrl: string): Promise<PulsarError> {
  const secure = serviceUrl.startsWith('pulsar+ssl');
  const config = { operationTimeoutSeconds: 0.3, ...(secure ? { tlsTrustCertsFilePath: caPath } : {}) };
  const { client } = await startScripted(t, {}, config, () => serviceUrl);
  const error = await newProducer(client).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PulsarError, String(error));
  assert.equal(error.code, 'ConnectError');
  return error;
}
