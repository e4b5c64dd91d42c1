import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { CertificateAuthority } from '@pharos/testkit';
import { WebSocket } from 'ws';
import type { HttpResponse, SocketServer } from '../../src/index.ts';
import { Inbox, type MakeServer, start, startRecording, within } from './harness.ts';

let authority: CertificateAuthority | undefined;

function ca(): CertificateAuthority {
  authority ??= new CertificateAuthority();
  return authority;
}

interface Files {
  readonly certFile: string;
  readonly keyFile: string;
  write(commonName: string): void;
}

function files(t: TestContext, commonName: string): Files {
  const folder = mkdtempSync(join(tmpdir(), 'pharos-tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  const write = (name: string): void => {
    const { certificate, privateKey } = ca().issue({ hosts: ['localhost', '127.0.0.1'], commonName: name });
    writeFileSync(certFile, certificate);
    writeFileSync(keyFile, privateKey);
  };
  write(commonName);
  return { certFile, keyFile, write };
}

async function handshake(t: TestContext, port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', ca: ca().certificate, ...options });
  t.after(() => socket.destroy());
  await within(
    new Promise((resolve, reject) => socket.on('secureConnect', resolve).on('error', reject)),
    'the TLS handshake',
  );
  return socket;
}

/** Who the server says that it is to a new connection. */
async function subject(t: TestContext, port: number): Promise<string> {
  const socket = await handshake(t, port);
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

async function client(t: TestContext, port: number): Promise<{ ws: WebSocket; messages: Inbox<string> }> {
  const ws = new WebSocket(`wss://localhost:${port}/`, { ca: ca().certificate });
  t.after(() => ws.terminate());
  const messages = new Inbox<string>();
  ws.on('message', (data: Buffer) => messages.push(data.toString()));
  await within(new Promise((resolve, reject) => ws.on('open', resolve).on('error', reject)), 'the handshake');
  return { ws, messages };
}

export function tlsConformance(make: MakeServer): void {
  test('speaks TLS 1.2 and newer, and nothing else', async (t) => {
    const { certFile, keyFile } = files(t, 'first');
    const { server, port, handler } = await startRecording(t, make, { tls: { certFile, keyFile } });
    const info = server.certificate;
    assert.match(info?.subject ?? '', /first/);
    assert.ok((info?.expiresMs ?? 0) > Date.now());
    const { ws, messages } = await client(t, port);
    const socket = await handler.opened.next();
    assert.equal(socket.remoteAddress, '127.0.0.1');
    socket.subscribe('all');
    server.publish('all', 'x'.repeat(100_000), false);
    assert.equal((await messages.next()).length, 100_000);
    ws.send('hello');
    assert.equal((await handler.messages.next()).text, 'hello');
    assert.equal((await handshake(t, port, { maxVersion: 'TLSv1.2' })).getProtocol(), 'TLSv1.2');
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await assert.rejects(handshake(t, port, old), /protocol version|EPROTO|ECONNRESET/);
    const plain = new WebSocket(`ws://127.0.0.1:${port}/`);
    await within(new Promise((resolve) => plain.on('error', resolve)), 'the refusal');
  });

  test('a new certificate is used by new connections, those that exist go on, published to as the others', async (t) => {
    const tls = files(t, 'first');
    const { server, port, handler } = await startRecording(t, make, { tls });
    const before = await client(t, port);
    (await handler.opened.next()).subscribe('all');
    assert.equal(await server.reloadCertificate(), false);
    for (const name of ['second', 'third']) {
      tls.write(name);
      assert.equal(await subject(t, port), name === 'second' ? 'first' : 'second');
      assert.equal(await server.reloadCertificate(), true);
      for (let i = 0; i < 5; i++) assert.equal(await subject(t, port), name);
    }
    assert.match(server.certificate?.subject ?? '', /third/);
    const after = await client(t, port);
    (await handler.opened.next()).subscribe('all');
    assert.equal(server.subscribers('all'), 2);
    server.publish('all', 'to both', false);
    assert.equal(await before.messages.next(), 'to both');
    assert.equal(await after.messages.next(), 'to both');
    before.ws.send('still here');
    assert.equal((await handler.messages.next()).text, 'still here');
    before.ws.close();
    await handler.closed.next();
    assert.equal(server.subscribers('all'), 1);
    server.pauseAccepting();
    tls.write('fourth');
    assert.equal(await server.reloadCertificate(), false);
    await assert.rejects(handshake(t, port), /ECONNREFUSED/);
  });

  test('streams of the certificate before go on, and end with the server, also where it is exchanged just then', async (t) => {
    const tls = files(t, 'first');
    const aborted = new Inbox<string>();
    const responses = new Inbox<HttpResponse>();
    const declare = (made: SocketServer): void =>
      made.http({
        method: 'GET',
        path: '/',
        handle: (_request, response) => {
          response.onAborted(() => aborted.push('aborted'));
          response.begin(200, {});
          response.write('one');
          responses.push(response);
        },
      });
    const { server, port } = await start(t, make, declare, { tls });
    const socket = await handshake(t, port);
    const received = new Inbox<string>();
    socket.on('data', (bytes: Buffer) => received.push(bytes.toString()));
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const response = await responses.next();
    while (!(await received.next()).includes('one'));
    tls.write('second');
    assert.equal(await server.reloadCertificate(), true);
    response.write('two');
    while (!(await received.next()).includes('two'));
    tls.write('third');
    const exchange = server.reloadCertificate();
    await server.stop();
    assert.equal(await exchange, true);
    await aborted.next('the end of the stream');
    await assert.rejects(handshake(t, port), /ECONNREFUSED/);
  });

  test('files that cannot be used are an error that names them, and the old certificate stays', async (t) => {
    const tls = files(t, 'first');
    const { server, port } = await startRecording(t, make, { tls });
    const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const pem = foreign.export({ type: 'pkcs8', format: 'pem' });
    const spoils: [file: string, text: string | Buffer, message: RegExp][] = [
      [tls.keyFile, pem, /tls\.key is not the key of the certificate in .*tls\.crt/],
      [tls.keyFile, 'nonsense', /tls\.key is not a private key in PEM/],
      [tls.certFile, '', /tls\.crt is not a certificate in PEM/],
    ];
    for (const [file, text, message] of spoils) {
      tls.write('second');
      writeFileSync(file, text);
      await assert.rejects(server.reloadCertificate(), { code: 'invalid-certificate', message });
      await assert.rejects(make({ tls }), { code: 'invalid-certificate', message });
    }
    rmSync(tls.certFile);
    await assert.rejects(make({ tls }), { code: 'invalid-certificate', message: /tls\.crt cannot be read/ });
    await assert.rejects(server.reloadCertificate(), { code: 'invalid-certificate' });
    assert.equal(await subject(t, port), 'first');
    tls.write('second');
    assert.equal(await server.reloadCertificate(), true);
    assert.equal(await subject(t, port), 'second');
  });
}
