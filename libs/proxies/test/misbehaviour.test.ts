import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { Collector, freePort, HttpBackend, type Reply } from '@pharos/testkit';
import { noClient } from '../src/request.ts';
import { rpcResult } from '../src/results.ts';
import { type MadeProxy, makeProxy } from './support/proxy.ts';

const data = Buffer.from('{"secret":"of a client"}');
const ask = ({ proxy }: MadeProxy) => proxy.ask(noClient, { texts: { method: 'm' }, data }, rpcResult);
const refusedWith = (code: string) => (error: unknown) => (error as { code?: string }).code === code;

/** Whatever goes wrong with one request, the next is answered, and nothing of what was sent is logged. */
const misbehaviours: readonly (readonly [string, string, Reply])[] = [
  ['bad JSON', 'invalid', (response) => void response.end('{"result":{"data":')],
  ['bytes that are no UTF-8', 'invalid', (response) => void response.end(Buffer.from([0x22, 0xff, 0x22]))],
  ['no object', 'invalid', (response) => void response.end('[1]')],
  ['a result that is none', 'invalid', { result: 'text' }],
  ['base64 that is none', 'invalid', { result: { b64data: '%%%' } }],
  ['an error code of nobody', 'invalid', { error: { code: 399, message: 'x' } }],
  ['an error code beyond the range', 'invalid', { error: { code: 2_000, message: 'x' } }],
  ['a close code of the server', 'invalid', { disconnect: { code: 3_500, reason: 'x' } }],
  ['a close code beyond the range', 'invalid', { disconnect: { code: 5_000, reason: 'x' } }],
  ['a reason longer than a close frame', 'invalid', { disconnect: { code: 4_000, reason: 'x'.repeat(124) } }],
  ['status 500', 'status', (response) => void response.writeHead(500).end('{"result":{}}')],
  ['a status whose body has no end', 'status', (response) => void response.writeHead(401).write('x')],
  ['a redirect, which is not followed', 'status', (response) => void response.writeHead(307, { location: '/' }).end()],
  ['a huge answer', 'too-large', (response) => void response.end(`{"result":{"data":"${'x'.repeat(5_000)}"}}`)],
  ['an answer without an end', 'too-large', (response) => pour(response)],
  ['a connection that ends within the answer', 'broken', (response) => breakOff(response)],
  ['a connection that ends before the answer', 'broken', (response) => void response.socket?.destroy()],
];

function pour(response: ServerResponse): void {
  response.write('{"result":{"data":"');
  const more = (): void => {
    while (!response.destroyed && response.write('x'.repeat(10_000)));
  };
  response.on('drain', more);
  more();
}

function breakOff(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Length': '100' });
  response.write('{"result":', () => response.socket?.destroy());
}

describe('a backend that misbehaves', () => {
  for (const [what, code, reply] of misbehaviours) {
    test(`${what}: ${code}`, async (t) => {
      const backend = await HttpBackend.start(t, () => reply);
      const made = makeProxy(t, backend.url('/rpc'), { max_response_size: '1KiB' });
      await assert.rejects(ask(made), refusedWith(code));
      assert.equal(await made.count(code.replaceAll('-', '_')), 1);
      assert(made.log.join('').includes('gave no answer'));
      assert(!made.log.join('').includes('of a client'));
      // Sent once, whatever became of it.
      assert.equal(backend.requests.items.length, 1);
      backend.answering = () => ({ result: { data: 1 } });
      assert.deepEqual(await ask(made), { result: { data: Buffer.from('1') } });
    });
  }

  test('one that hangs is given up at the deadline, within an answer too', async (t) => {
    const held = new Collector<ServerResponse>();
    const backend = await HttpBackend.start(t, () => held.add);
    const made = makeProxy(t, backend.url(), { timeout: '50ms' });
    await assert.rejects(ask(made), refusedWith('timeout'));
    backend.answering = () => (response) => void response.writeHead(200).write('{"result":');
    await assert.rejects(ask(made), refusedWith('timeout'));
    assert.equal(await made.count('timeout'), 2);
  });

  test('one that is away is tried three times, and the request is sent once it is there', async (t) => {
    const port = await freePort();
    const made = makeProxy(t, `http://127.0.0.1:${port}`);
    await assert.rejects(ask(made), refusedWith('unreachable'));
    const retries = await made.metrics.registry.getSingleMetric('pharos_test_proxy_retries_total')?.get();
    assert.equal(retries?.values[0]?.value, 2);
    assert.equal(await made.count('unreachable'), 1);
  });

  test('one that restarts is met again', async (t) => {
    const backend = await HttpBackend.start(t, () => ({ result: { data: 1 } }));
    const made = makeProxy(t, backend.url());
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(await ask(made), { result: { data: Buffer.from('1') } });
      await backend.stop();
      await assert.rejects(ask(made), refusedWith('unreachable'));
      await backend.listen();
    }
    assert.equal(backend.requests.items.length, 3);
  });

  test('what is under way at the stop fails', async (t) => {
    const backend = await HttpBackend.start(t, () => () => undefined);
    const made = makeProxy(t, backend.url(), { max_requests: '1' });
    const asked = [ask(made), ask(made)];
    const failed = Promise.all(asked.map((one) => assert.rejects(one, refusedWith('stopped'))));
    await backend.requests.waitForCount(1);
    await made.proxy.stop();
    await failed;
  });
});

describe('bounds', () => {
  test('so many requests at a time, so many that wait in their order, and no more', async (t) => {
    const held = new Collector<ServerResponse>();
    const backend = await HttpBackend.start(t, () => held.add);
    const made = makeProxy(t, backend.url(), { max_requests: '2', max_queue: '3' });
    const send = (n: number) => made.proxy.ask(noClient, { texts: { method: String(n) } }, rpcResult);
    const asked = [1, 2, 3, 4, 5].map((n) => send(n));
    await assert.rejects(send(6), refusedWith('queue-full'));
    assert.equal(made.proxy.waiting, 3);
    for (let n = 0; n < 5; n++) {
      const response = (await held.waitForCount(n + 1))[n] as ServerResponse;
      assert(backend.requests.items.length <= n + 2);
      response.end('{"result":{}}');
    }
    await Promise.all(asked);
    const methods = backend.requests.items.map(({ json }) => Number(json['method']));
    assert.deepEqual(
      methods.toSorted((one, other) => one - other),
      [1, 2, 3, 4, 5],
    );
    assert.deepEqual(methods.slice(2), [3, 4, 5]);
    // Two connections, kept.
    assert.equal(backend.connections, 2);
    assert.equal(made.proxy.waiting, 0);
  });

  test('time in the queue counts', async (t) => {
    const held = new Collector<ServerResponse>();
    const backend = await HttpBackend.start(t, () => held.add);
    const made = makeProxy(t, backend.url(), { max_requests: '1', timeout: '100ms' });
    await Promise.all([1, 2, 3].map(() => assert.rejects(ask(made), refusedWith('timeout'))));
    assert.equal(made.proxy.waiting, 0);
  });
});
