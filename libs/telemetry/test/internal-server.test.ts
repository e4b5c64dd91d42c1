import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import {
  createRegistry,
  type InternalServer,
  type InternalServerOptions,
  Metrics,
  type Readiness,
  startInternalServer,
} from '../src/index.ts';

const READY: Readiness = { ready: true, reasons: [] };

async function start(context: TestContext, options: Partial<InternalServerOptions> = {}): Promise<InternalServer> {
  const registry = createRegistry({ processMetrics: false });
  const onError = (error: unknown): void => assert.fail(String(error));
  const server = await startInternalServer({
    host: '127.0.0.1',
    port: 0,
    registry,
    isReady: () => READY,
    onError,
    ...options,
  });
  context.after(() => server.stop());
  return server;
}

async function get(
  server: InternalServer,
  path: string,
  init?: RequestInit,
): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
  return { status: response.status, body: await response.text() };
}

describe('the internal listener', () => {
  test('answers metrics, health and nothing else', async (context) => {
    const metrics = new Metrics(createRegistry({ processMetrics: false }));
    metrics.gauge({ name: 'pharos_clients', help: 'Clients.' }).set(3);
    const server = await start(context, { registry: metrics.registry });
    const { status, body } = await get(server, '/metrics?x=1');
    assert.equal(status, 200);
    assert.match(body, /^pharos_clients 3$/m);
    assert.deepEqual(await get(server, '/health/live'), { status: 200, body: 'live\n' });
    assert.deepEqual(await get(server, '/health/ready'), { status: 200, body: 'ready\n' });
    assert.equal((await get(server, '/')).status, 404);
    assert.equal((await get(server, '/metrics', { method: 'POST', body: 'x' })).status, 405);
    assert.deepEqual(await get(server, '/health/live', { method: 'HEAD' }), { status: 200, body: '' });
  });

  test('says why it is not ready, as it is at that moment', async (context) => {
    let readiness: Readiness = { ready: false, reasons: ['lane 3 is not attached', 'draining'] };
    const server = await start(context, { isReady: () => readiness });
    const body = 'not ready\nlane 3 is not attached\ndraining\n';
    assert.deepEqual(await get(server, '/health/ready'), { status: 503, body });
    assert.deepEqual(await get(server, '/health/startup'), { status: 503, body: body.replace('ready', 'started') });
    readiness = READY;
    assert.equal((await get(server, '/health/ready')).status, 200);
    readiness = { ready: false, reasons: ['at the connection limit'] };
    assert.equal((await get(server, '/health/ready')).status, 503);
    assert.deepEqual(await get(server, '/health/startup'), { status: 200, body: 'started\n' });
  });

  test('answers 500 and tells of it when a collector fails, and goes on', async (context) => {
    const errors: unknown[] = [];
    const metrics = new Metrics(createRegistry({ processMetrics: false }));
    const failure = new Error('collector failed');
    const collect = (): void => {
      throw failure;
    };
    metrics.gauge({ name: 'pharos_clients', help: 'x', collect });
    const server = await start(context, { registry: metrics.registry, onError: (error) => void errors.push(error) });
    assert.equal((await get(server, '/metrics')).status, 500);
    assert.deepEqual(errors, [failure]);
    assert.equal((await get(server, '/health/live')).status, 200);
  });

  test('names a busy port and an address that is not ours', async (context) => {
    const { port } = await start(context);
    await assert.rejects(start(context, { port }), {
      code: 'address-in-use',
      message: `port ${port} on 127.0.0.1 is in use by another process`,
    });
    await assert.rejects(start(context, { host: '192.0.2.1' }), { code: 'listen-failed' });
  });

  test('stop closes idle connections too and may come twice', async (context) => {
    const server = await start(context);
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await Promise.all([server.stop(), server.stop()]);
    await closed;
    await assert.rejects(get(server, '/health/live'));
  });
});
