import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SocketServerError } from '../src/index.ts';
import { createSocketServerWith } from '../src/select.ts';
import { loadUws } from '../src/uws/load.ts';

describe('choice of the implementation', () => {
  const missing = (): Promise<never> => Promise.reject(new Error("version `GLIBC_2.38' not found"));

  test('auto takes uws where it loads, without a warning', async () => {
    const warnings: string[] = [];
    const server = await createSocketServerWith(loadUws, {
      implementation: 'auto',
      onWarning: (text) => warnings.push(text),
    });
    assert.equal(server.implementation, 'uws');
    assert.deepEqual(warnings, []);
    await server.stop();
  });

  test('auto falls back to ws where uws does not load, with one warning that says why', async () => {
    const warnings: string[] = [];
    const server = await createSocketServerWith(missing, {
      implementation: 'auto',
      onWarning: (text) => warnings.push(text),
    });
    assert.equal(server.implementation, 'ws');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /uWebSockets\.js could not be loaded.*GLIBC_2\.38' not found$/s);
    await server.stop();
  });

  test('uws where it does not load is an error with the cause', async () => {
    const onWarning = (): void => assert.fail('no warning was asked for');
    await assert.rejects(createSocketServerWith(missing, { implementation: 'uws', onWarning }), (error) => {
      assert.ok(error instanceof SocketServerError);
      assert.equal(error.code, 'uws-unavailable');
      assert.match(String(error.cause), /GLIBC_2\.38/);
      return true;
    });
  });

  test('ws does not try to load uws', async () => {
    const load = (): Promise<never> => assert.fail('must not be loaded');
    const onWarning = (): void => assert.fail('no warning was asked for');
    const server = await createSocketServerWith(load, { implementation: 'ws', onWarning });
    assert.equal(server.implementation, 'ws');
    await server.stop();
  });
});
