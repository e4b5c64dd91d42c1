import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSocketServer, type SocketServer, type SocketServerOptions } from '../src/index.ts';
import { socketServerConformance } from './conformance/conformance.ts';
import { freePort } from './conformance/harness.ts';

function make(options?: SocketServerOptions): Promise<SocketServer> {
  const onWarning = (message: string): void => assert.fail(message);
  return createSocketServer({ ...options, implementation: 'uws', onWarning });
}

describe('uws adapter', () => {
  socketServerConformance(make);

  test('says what it is, and shares a port only when told to', async (t) => {
    const port = await freePort();
    const first = await make({ reusePort: true });
    const second = await make({ reusePort: true });
    const exclusive = await make();
    t.after(() => Promise.all([first.stop(), second.stop(), exclusive.stop()]));
    assert.equal(first.implementation, 'uws');
    assert.equal(await first.listen('127.0.0.1', port), port);
    assert.equal(await second.listen('127.0.0.1', port), port);
    await assert.rejects(exclusive.listen('127.0.0.1', port), { code: 'address-in-use' });
  });
});
