import assert from 'node:assert/strict';
import { test } from 'node:test';
import { javaStringHash } from '@pharos/bytes';
import { append, type BusUnderTest } from './harness.ts';

/** Opening, identity, lanes. */
export function logTests(adapter: () => BusUnderTest): void {
  test('two buses that open one log at once agree on its epoch and lanes', async () => {
    const topic = adapter().uniqueTopic('epoch');
    const buses = await Promise.all([adapter().newBus(), adapter().newBus(), adapter().newBus()]);
    const logs = await Promise.all(buses.map((bus) => bus.openLog({ topic, lanes: 2 })));
    assert.match(logs[0]?.epoch ?? '', /^[^.]+\.2$/);
    assert.equal(new Set(logs.map((log) => log.epoch)).size, 1);
    assert.deepEqual(
      logs.map((log) => log.lanes),
      [2, 2, 2],
    );
    const again = await (await adapter().newBus()).openLog({ topic });
    assert.equal(again.epoch, logs[0]?.epoch);
    assert.equal(again.lanes, 2);
  });

  test('another log has another epoch', async () => {
    const bus = await adapter().newBus();
    const first = await bus.openLog({ topic: adapter().uniqueTopic('one') });
    const second = await bus.openLog({ topic: adapter().uniqueTopic('two') });
    assert.notEqual(first.epoch, second.epoch);
  });

  test('a log has one lane, its full name and its local name as default channel where nothing else is said', async () => {
    const topic = adapter().uniqueTopic('plain');
    const bus = await adapter().newBus();
    const log = await bus.openLog({ topic });
    assert.equal(log.lanes, 1);
    assert.match(log.topic, /^persistent:\/\/[^/]+\/[^/]+\/[^/]+$/);
    assert.equal(log.defaultChannel, log.topic.split('/').at(-1));
    const named = await bus.openLog({ topic, defaultChannel: 'lobby' });
    assert.equal(named.defaultChannel, 'lobby');
  });

  test('asking for more lanes than a log has is an error that names both numbers and the log', async () => {
    const topic = adapter().uniqueTopic('narrow');
    const bus = await adapter().newBus();
    await bus.openLog({ topic });
    await assert.rejects(bus.openLog({ topic, lanes: 4 }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'lanes-mismatch');
      assert.match(error.message, /\b1\b/);
      assert.match(error.message, /\b4\b/);
      assert.ok(error.message.includes(topic), error.message);
      return true;
    });
  });

  test('asking for fewer lanes than a log has adopts what there is', async () => {
    const topic = adapter().uniqueTopic('wide');
    const bus = await adapter().newBus();
    await bus.openLog({ topic, lanes: 3 });
    assert.equal((await bus.openLog({ topic, lanes: 2 })).lanes, 3);
  });

  test('a bad topic name is refused by name', async () => {
    const bus = await adapter().newBus();
    for (const topic of ['', 'a/b', 'persistent://chat', 'ftp://public/default/chat', 'a b/c/d', 'x-partition-3']) {
      await assert.rejects(bus.openLog({ topic }), { code: 'invalid-topic' }, topic);
    }
  });

  test('a channel lives in the lane of its JavaStringHash, whatever its script', async () => {
    const topic = adapter().uniqueTopic('hash');
    const log = await (await adapter().newBus()).openLog({ topic, lanes: 3 });
    for (const channel of ['chat', 'news:eu', 'Grüße', '東京', 'смех', '😀🎉', 'a'.repeat(255)]) {
      const lane = javaStringHash(channel) % 3;
      assert.equal(log.laneOf(channel), lane);
      const receipt = await append(log, channel, 'hello');
      assert.equal(receipt.lane, lane);
    }
  });

  test('after close, log and bus say that they are closed', async () => {
    const topic = adapter().uniqueTopic('closed');
    const bus = await adapter().newBus();
    const log = await bus.openLog({ topic });
    await log.close();
    await assert.rejects(append(log, 'chat', 'late'), { code: 'closed' });
    await assert.rejects(log.attach(0, { entry: () => undefined }), { code: 'closed' });
    await bus.close();
    await assert.rejects(bus.openLog({ topic }), { code: 'closed' });
    await assert.rejects(bus.subscribeWork({ topic, subscription: 'w', type: 'shared' }), { code: 'closed' });
    await bus.close();
  });
}
