import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { CertificateAuthority, Collector, freePort, type ServiceProcess } from '@pharos/testkit';
import { type ClientOptions, WebSocket } from 'ws';
import { pharos } from './support/processes.ts';

type Json = Record<string, unknown>;

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function token(secret: string, user: string): string {
  const head = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: user })}`;
  return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
}

/** A server with a configuration file that the test rewrites. */
class Server {
  readonly file: string;
  readonly folder: string;
  readonly port: number;
  readonly internalPort: number;
  process!: ServiceProcess;

  private constructor(folder: string, port: number, internalPort: number) {
    this.folder = folder;
    this.file = join(folder, 'pharos.yaml');
    this.port = port;
    this.internalPort = internalPort;
  }

  static async start(t: TestContext, config: (folder: string) => Json): Promise<Server> {
    const folder = mkdtempSync(join(tmpdir(), 'pharos-reload-'));
    const server = new Server(folder, await freePort(), await freePort());
    server.write(config(folder));
    const env = {
      PHAROS_LISTEN: `127.0.0.1:${server.port}`,
      PHAROS_INTERNAL_LISTEN: `127.0.0.1:${server.internalPort}`,
      PHAROS_DRAIN_TIMEOUT: '200ms',
    };
    server.process = await pharos(['serve', 'standalone', '--config', server.file], env, /Pharos runs at/);
    t.after(async () => {
      await server.process.kill();
      rmSync(folder, { recursive: true });
    });
    return server;
  }

  write(config: Json): void {
    // YAML holds JSON.
    writeFileSync(this.file, JSON.stringify(config));
  }

  /** Sends SIGHUP; the line that says what came of it. */
  async reload(outcome: RegExp): Promise<string> {
    const from = this.process.stdout.count;
    this.process.signal('SIGHUP');
    return (await this.process.stdout.waitFor(outcome, { from })).input;
  }

  async reloads(outcome: string): Promise<number> {
    const metrics = await (await fetch(`http://127.0.0.1:${this.internalPort}/metrics`)).text();
    return Number(new RegExp(`^pharos_config_reloads_total{outcome="${outcome}"} (\\d+)`, 'm').exec(metrics)?.[1] ?? 0);
  }

  async api(key: string, method: string, body: Json): Promise<{ status: number; body: Json }> {
    const response = await fetch(`http://127.0.0.1:${this.port}/api/${method}`, {
      method: 'POST',
      headers: { 'X-API-Key': key },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Json };
  }
}

class Client {
  readonly ws: WebSocket;
  readonly messages: Collector<string> = new Collector<string>();
  #id = 0;

  constructor(t: TestContext, url: string, options: ClientOptions = {}) {
    this.ws = new WebSocket(url, options);
    this.ws.on('message', (data: Buffer) => this.messages.add(data.toString()));
    this.ws.on('error', () => undefined);
    t.after(() => this.ws.terminate());
  }

  async call(command: Json): Promise<Json> {
    if (this.ws.readyState !== WebSocket.OPEN) await once(this.ws, 'open');
    this.#id++;
    const id = this.#id;
    this.ws.send(JSON.stringify({ id, ...command }));
    const frame = await this.messages.waitFor((text) => text.includes(`"id":${id},`), `the reply to ${id}`);
    return JSON.parse(frame) as Json;
  }

  /** The code that it is closed with. */
  async closed(): Promise<number> {
    const [code] = (await once(this.ws, 'close')) as [number];
    return code;
  }
}

/** The status of the answer to an upgrade. */
function upgradeStatus(url: string, origin: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, { origin });
    ws.once('open', () => {
      ws.terminate();
      resolve(101);
    });
    ws.once('unexpected-response', (_request, { statusCode }) => resolve(statusCode ?? 0));
    ws.on('error', reject);
  });
}

describe('pharos serve standalone --config FILE', { timeout: 300_000 }, () => {
  test('serves clients and the API on the port of PHAROS_LISTEN, and takes up a changed file at SIGHUP, with nobody cut off', async (t) => {
    const [firstSecret, secondSecret] = ['the first secret of tokens', 'the second secret of tokens'];
    const config = (secret: string, key: string, more: Json = {}): Json => ({
      client: { token: { hmac_secret_key: secret } },
      http_api: { key },
      channel: { namespaces: [{ name: 'news' }] },
      ...more,
    });
    const server = await Server.start(t, () => config(firstSecret, 'first key'));
    const url = `ws://127.0.0.1:${server.port}/connection/websocket`;
    const ann = new Client(t, url);
    assert.ok((await ann.call({ connect: { token: token(firstSecret, 'ann') } }))['connect']);
    assert.ok((await ann.call({ subscribe: { channel: 'news:a' } }))['subscribe']);
    const publish = async (key: string, data: string): Promise<number> => {
      const { status } = await server.api(key, 'publish', { channel: 'news:a', data });
      if (status === 200) await ann.messages.waitFor((text) => text.includes(data), data);
      return status;
    };
    assert.equal(await publish('first key', 'before'), 200);
    assert.equal(await publish('second key', 'too early'), 401);
    assert.equal(((await ann.call({ subscribe: { channel: 'extra:a' } }))['error'] as Json)['code'], 102);
    assert.equal(await upgradeStatus(url, 'https://app.example.com'), 403);

    const client = { token: { hmac_secret_key: secondSecret }, allowed_origins: ['https://app.example.com'] };
    const namespaces = [
      { name: 'news', allow_publish_for_anonymous: false, allow_publish_for_client: false, log: 'elsewhere' },
      { name: 'extra' },
    ];
    const next = { client, channel: { namespaces }, log_level: 'debug', ring: { max_age: '1m' } };
    server.write(config(secondSecret, 'second key', next));
    const line = await server.reload(/configuration reloaded: /);
    for (const name of [
      'client.token.hmac_secret_key',
      'client.allowed_origins',
      'http_api.key',
      'channel.namespaces',
    ]) {
      assert.ok(line.includes(name), `${name} in ${line}`);
    }
    await server.process.stdout.waitFor(/only a restart changes these: ring\.max_age/);
    await server.process.stdout.waitFor(/only a restart changes these: log of namespace news/);
    assert.equal(await publish('first key', 'too late'), 401);
    assert.equal(await publish('second key', 'after'), 200);
    assert.ok((await ann.call({ subscribe: { channel: 'extra:a' } }))['subscribe']);
    assert.equal(await upgradeStatus(url, 'https://app.example.com'), 101);
    const old = new Client(t, url);
    const oldClosed = old.closed();
    void old.call({ connect: { token: token(firstSecret, 'old') } }).catch(() => undefined);
    assert.equal(await oldClosed, 3500);
    const bob = new Client(t, url);
    assert.ok((await bob.call({ connect: { token: token(secondSecret, 'bob') } }))['connect']);
    assert.equal(((await bob.call({ publish: { channel: 'news:a', data: 1 } }))['error'] as Json)['code'], 103);

    server.write({ ...config('', 'third key'), client: { channel_limit: 0, connection_limits: 3 }, nonsense: true });
    const refusal = await server.reload(/refused as a whole/);
    for (const name of ['client.channel_limit', 'client.connection_limits', 'nonsense']) {
      assert.ok(refusal.includes(name), `${name} in ${refusal}`);
    }
    assert.equal(await publish('third key', 'never'), 401);
    server.write(
      config(secondSecret, 'third key', { client: { token: { rsa_public_key: '-----BEGIN PUBLIC KEY-----x' } } }),
    );
    assert.match(await server.reload(/refused as a whole/), /rsa_public_key/);
    assert.equal(await publish('second key', 'still'), 200);
    assert.equal(ann.ws.readyState, WebSocket.OPEN);
    assert.deepEqual([await server.reloads('applied'), await server.reloads('refused')], [1, 2]);
    const log = server.process.stdout.lines.join('\n');
    for (const hidden of [firstSecret, secondSecret, 'second key', 'third key'])
      assert.ok(!log.includes(hidden), hidden);
  });

  test('TLS of its own: a changed certificate is taken up, a wrong one is told and left', async (t) => {
    const authority = new CertificateAuthority();
    const paths = (folder: string): { cert_file: string; key_file: string } => ({
      cert_file: join(folder, 'tls.crt'),
      key_file: join(folder, 'tls.key'),
    });
    const issue = (folder: string, commonName: string): void => {
      const { certificate, privateKey } = authority.issue({ hosts: ['localhost', '127.0.0.1'], commonName });
      writeFileSync(paths(folder).cert_file, certificate);
      writeFileSync(paths(folder).key_file, privateKey);
    };
    const server = await Server.start(t, (folder) => {
      issue(folder, 'first');
      return { tls: { ...paths(folder), check_interval: '200ms' } };
    });
    const ca = authority.certificate;
    const subject = async (): Promise<string> => {
      const socket = connectTls({ port: server.port, host: '127.0.0.1', ca });
      await once(socket, 'secureConnect');
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return String(CN);
    };
    const client = new Client(t, `wss://localhost:${server.port}/connection/websocket`, { ca });
    assert.ok((await client.call({ connect: {} }))['connect']);
    assert.equal(await subject(), 'first');
    issue(server.folder, 'second');
    await server.process.stdout.waitFor(/new connections get the certificate of CN=second/);
    assert.equal(await subject(), 'second');
    const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    writeFileSync(paths(server.folder).key_file, foreign.export({ type: 'pkcs8', format: 'pem' }));
    await server.process.stdout.waitFor(/can not be reloaded, the old one stays in use: .*tls\.key is not the key/);
    assert.equal(await subject(), 'second');
    assert.ok((await client.call({ subscribe: { channel: 'here' } }))['subscribe']);
    const again = await pharos(['serve', 'standalone', '--config', server.file], { PHAROS_LISTEN: '127.0.0.1:0' });
    assert.equal((await again.exited).code, 1);
    assert.match(again.stderr.tail(), /tls\.key is not the key of the certificate in .*tls\.crt/);
  });
});
