import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSocketServer, type SocketServer, type SocketServerOptions } from '../src/index.ts';
import { dataFrame } from '../src/ws/frame.ts';
import { canReusePort } from '../src/ws/server.ts';
import { Topics } from '../src/common/topics.ts';
import { socketServerConformance } from './conformance/conformance.ts';
import { freePort } from './conformance/harness.ts';

function make(options?: SocketServerOptions): Promise<SocketServer> {
  const onWarning = (message: string): void => assert.fail(message);
  return createSocketServer({ ...options, implementation: 'ws', onWarning });
}

describe('ws adapter', () => {
  socketServerConformance(make);

  test('says what it is, and shares a port where Node.js can, or refuses clearly', async (t) => {
    const server = await make();
    t.after(() => server.stop());
    assert.equal(server.implementation, 'ws');
    if (!canReusePort(process.versions.node)) {
      await assert.rejects(make({ reusePort: true }), { code: 'unsupported-option', message: /cannot share a port/ });
      return;
    }
    const port = await freePort();
    const sharing = [await make({ reusePort: true }), await make({ reusePort: true })];
    t.after(() => Promise.all(sharing.map((each) => each.stop())));
    for (const each of sharing) assert.equal(await each.listen('127.0.0.1', port), port);
  });

  test('knows which Node.js can share a port', () => {
    const versions = ['20.20.2', '22.11.0', '22.12.0', '23.0.0', '23.1.0', '24.0.0'];
    assert.deepEqual(versions.map(canReusePort), [false, false, true, false, true, true]);
  });

  test('frames have the shortest length that the standard asks for', () => {
    const header = (length: number): string => dataFrame(new Uint8Array(length), true).toString('hex').slice(0, 20);
    assert.equal(header(0), '8200');
    assert.equal(header(125).slice(0, 4), '827d');
    assert.equal(header(126).slice(0, 8), '827e007e');
    assert.equal(header(65_535).slice(0, 8), '827effff');
    assert.equal(header(65_536), '827f0000000000010000');
    assert.equal(dataFrame('ü', false).toString('hex'), '8102c3bc');
  });

  test('topics and subscribers that are used up leave nothing behind', () => {
    const topics = new Topics<string>();
    topics.subscribe('a', 'one');
    topics.subscribe('a', 'two');
    topics.subscribe('b', 'two');
    topics.unsubscribeAll('a');
    assert.deepEqual([...topics.subscribers('two')], ['b']);
    assert.equal(topics.topicCount, 1);
    assert.equal(topics.unsubscribe('b', 'two'), true);
    assert.equal(topics.topicCount, 0);
    assert.equal(topics.unsubscribe('b', 'two'), false);
  });
});
