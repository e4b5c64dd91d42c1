import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { CertificateAuthority, HttpBackend } from '@pharos/testkit';
import { type AskingClient, noClient } from '../src/request.ts';
import { connectionResult, publishResult, rpcResult, subscriptionResult } from '../src/results.ts';
import { makeProxy, proxyConfig } from './support/proxy.ts';

const ann: AskingClient = {
  client: 'c1',
  transportName: 'websocket',
  protocol: 'json',
  user: 'ann',
  meta: Buffer.from('{"role":"admin"}'),
};

describe('what a backend is sent', () => {
  test('data as it is, or in base64; meta where it is asked for', async (t) => {
    const backend = await HttpBackend.start(t, () => ({ result: {} }));
    const question = { texts: { method: 'm' }, data: Buffer.from('{"a": "ü"}') };
    const base = { client: 'c1', transport: 'websocket', protocol: 'json', user: 'ann', method: 'm' };
    await makeProxy(t, backend.url('/a?b=c')).proxy.ask(ann, question, rpcResult);
    const binary = { binary_encoding: 'true', include_connection_meta: 'true' };
    await makeProxy(t, backend.url(), binary).proxy.ask(ann, question, rpcResult);
    const [first, second] = backend.requests.items;
    assert.equal(first?.path, '/a?b=c');
    assert.deepEqual(first.json, { ...base, encoding: 'json', data: { a: 'ü' } });
    assert.deepEqual(second?.json, {
      ...base,
      encoding: 'binary',
      b64data: Buffer.from('{"a": "ü"}').toString('base64'),
      meta: { role: 'admin' },
    });
  });

  test('bytes that are no JSON are refused where no base64 is to be sent', async (t) => {
    const backend = await HttpBackend.start(t, () => ({ result: {} }));
    const { proxy, count, log } = makeProxy(t, backend.url());
    for (const data of ['text', '{"a":1}x', '"a","client":"c2"', '\xff']) {
      await assert.rejects(proxy.ask(ann, { data: Buffer.from(data, 'latin1') }, rpcResult), { code: 'not-json' });
    }
    assert.equal(await count('not_json'), 4);
    assert.deepEqual([backend.requests.items.length, log.length], [0, 0]);
  });

  test('headers: those of the configuration, and of the client only those that are named', async (t) => {
    const backend = await HttpBackend.start(t, () => ({ result: {} }));
    const { proxy } = makeProxy(t, backend.url(), {
      http_headers: 'Authorization,X-Real',
      emulated_headers: 'authorization,X-Claimed',
      http_static_headers: JSON.stringify({ 'X-Key': 'k', 'X-Real': 'static' }),
    });
    const claimed = new Map([
      ['authorization', 'claimed'],
      ['x-claimed', 'claimed'],
      ['x-real', 'claimed'],
      ['x-other', 'claimed'],
    ]);
    await proxy.ask({ ...ann, emulated: claimed }, {}, rpcResult);
    await proxy.ask({ ...ann, emulated: claimed, transport: new Map([['authorization', 'real']]) }, {}, rpcResult);
    await proxy.ask({ ...ann, emulated: new Map([['x-claimed', 'a\r\nx-key: forged']]) }, {}, rpcResult);
    const seen = backend.requests.items.map(({ headers }) =>
      ['x-key', 'x-real', 'authorization', 'x-claimed', 'x-other'].map((name) => headers[name]),
    );
    assert.deepEqual(seen, [
      ['k', 'static', 'claimed', 'claimed', undefined],
      ['k', 'static', 'real', 'claimed', undefined],
      ['k', 'static', undefined, undefined, undefined],
    ]);
    assert.equal(backend.requests.items[0]?.headers['content-type'], 'application/json');
  });

  test('what can not be is refused in the configuration', () => {
    for (const settings of [
      { http_headers: 'Host' },
      { emulated_headers: 'Content-Length' },
      { http_static_headers: '{"Transfer-Encoding":"chunked"}' },
      { http_static_headers: '{"X-A":"a\\nb"}' },
      { endpoint: 'grpc://127.0.0.1:1' },
      { endpoint: 'http://user:password@127.0.0.1:1' },
      { http_status_to_code_transforms: '[{"status_code":404}]' },
      { http_status_to_code_transforms: '[{"status_code":404,"to_error":{"code":399}}]' },
    ]) {
      assert.throws(() => proxyConfig(settings), { code: 'invalid-config' }, JSON.stringify(settings));
    }
  });

  test('over TLS, to whom the CA vouches for', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'pharos-proxies-'));
    t.after(() => rm(folder, { recursive: true }));
    const ca = new CertificateAuthority();
    const { certificate, privateKey } = ca.issue({ hosts: ['127.0.0.1'] });
    const server = createServer({ cert: certificate, key: privateKey }, (_request, response) => {
      response.end('{"result":{"data":1}}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const file = join(folder, 'ca.pem');
    await writeFile(file, ca.certificate);
    const { proxy } = makeProxy(t, endpoint, { http_tls_ca_file: file });
    assert.deepEqual(await proxy.ask(noClient, {}, rpcResult), { result: { data: Buffer.from('1') } });
    for (const settings of [{}, { http_tls_ca_file: join(folder, 'none') }]) {
      const refused = makeProxy(t, endpoint, settings);
      await assert.rejects(refused.proxy.ask(noClient, {}, rpcResult), { code: 'unreachable', retryable: false });
    }
  });
});

describe('what a backend answers', () => {
  test('line breaks between tokens are none in what is sent on; bytes are bytes; members that nobody knows are passed over', async (t) => {
    const backend = await HttpBackend.start(
      t,
      () => (response) => void response.end('{"result": {"data": {\n"a":\r\n[1]}, "x": 1}, "y": 2}'),
    );
    const { proxy } = makeProxy(t, backend.url());
    const answer = await proxy.ask(noClient, {}, rpcResult);
    assert.deepEqual(answer, { result: { data: Buffer.from('{ "a":  [1]}') } });
    backend.answering = () => ({ result: { b64data: Buffer.from([0, 255]).toString('base64') } });
    assert.deepEqual(await proxy.ask(noClient, {}, rpcResult), { result: { data: Buffer.from([0, 255]) } });
    backend.answering = () => ({});
    assert.deepEqual(await proxy.ask(noClient, {}, rpcResult), { result: undefined });
  });

  test('errors and disconnects of the application; a disconnect goes before an error', async (t) => {
    const backend = await HttpBackend.start(t, () => ({ error: { code: 1_999, message: 'm', temporary: true } }));
    const { proxy } = makeProxy(t, backend.url(), {
      http_status_to_code_transforms: JSON.stringify([
        { status_code: 404, to_error: { code: 404, message: 'none', temporary: true } },
        { status_code: 401, to_disconnect: { code: 4_501, reason: 'who' } },
      ]),
    });
    const ask = async () => {
      const answer = await proxy.ask(noClient, {}, rpcResult);
      if ('error' in answer) return [answer.error.code, answer.error.message, answer.error.temporary];
      if ('disconnect' in answer)
        return [answer.disconnect.code, answer.disconnect.reason, answer.disconnect.reconnect];
      return [];
    };
    assert.deepEqual(await ask(), [1_999, 'm', true]);
    backend.answering = () => ({ error: { code: 103, message: 'permission denied' } });
    assert.deepEqual(await ask(), [103, 'permission denied', false]);
    backend.answering = () => ({ error: { code: 400 }, disconnect: { code: 4_499, reason: 'r' }, result: {} });
    assert.deepEqual(await ask(), [4_499, 'r', true]);
    backend.answering = () => (response) => void response.writeHead(404).end('no JSON');
    assert.deepEqual(await ask(), [404, 'none', true]);
    backend.answering = () => (response) => void response.writeHead(401).end();
    assert.deepEqual(await ask(), [4_501, 'who', false]);
  });

  test('what would be left out to the harm of somebody is refused; what would only allow more is left out, and said', async (t) => {
    const backend = await HttpBackend.start(t, () => ({ result: { server_tags_filter: { op: '' } } }));
    const { proxy, log } = makeProxy(t, backend.url());
    await assert.rejects(proxy.ask(noClient, {}, subscriptionResult), { code: 'invalid' });
    for (const result of [{ idempotency_key: 'k' }, { version: 1 }, { version_epoch: 'e' }]) {
      backend.answering = () => ({ result });
      await assert.rejects(proxy.ask(noClient, {}, publishResult), { code: 'invalid' });
    }
    log.length = 0;
    backend.answering = () => ({ result: { user: 'u', caps: [{ channels: ['a'], allow: ['pub'] }] } });
    for (let n = 0; n < 3; n++) await proxy.ask(noClient, {}, connectionResult);
    const said = log.filter((line) => line.includes('"names":"caps"'));
    assert.equal(said.length, 1);
  });
});
