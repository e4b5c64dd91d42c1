import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { Collector, eventually, freePort, isFree, realTextLines, testkitErrors, uniqueTopic } from '@pharos/testkit';

describe('ports', () => {
  test('a free port can be listened on, is below the ephemeral range, and is given once', async () => {
    const ports = await Promise.all(Array.from({ length: 20 }, () => freePort()));
    assert.equal(new Set(ports).size, ports.length);
    const port = ports[0] as number;
    assert.ok(port < 32_768);
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    assert.equal(await isFree(port), false);
    server.close();
    await once(server, 'close');
    assert.equal(await isFree(port), true);
  });
});

describe('collector', () => {
  test('waits for a count, now or later', async () => {
    const collector = new Collector<number>();
    collector.add(1);
    await collector.waitForCount(1);
    const two = collector.waitForCount(2);
    collector.add(2);
    assert.deepEqual(await two, [1, 2]);
  });

  test('finds an item that has come and one that is still to come', async () => {
    const collector = new Collector<string>();
    collector.add('a');
    collector.add('b');
    assert.equal(await collector.waitFor((item) => item === 'a', 'a'), 'a');
    const later = collector.waitFor((item) => item === 'd', 'd');
    collector.add('c');
    collector.add('d');
    assert.equal(await later, 'd');
  });

  test('says how many had come when the time is up', async () => {
    const collector = new Collector<number>();
    collector.add(1);
    await assert.rejects(collector.waitForCount(2, 10), /no 2 items in 10 ms; 1 items had come/);
  });
});

describe('eventually', () => {
  test('asks until there is a value, over errors', async () => {
    let asked = 0;
    const value = await eventually(() => {
      asked++;
      if (asked === 1) throw new Error('not yet');
      return asked === 3 ? 'value' : undefined;
    }, 'value');
    assert.equal(value, 'value');
  });

  test('gives the last error as the cause', async () => {
    const probe = (): undefined => {
      throw new Error('the reason');
    };
    await assert.rejects(eventually(probe, 'value', 10), (error: Error) => {
      assert.equal((error.cause as Error).message, 'the reason');
      return error.message === 'no value in 10 ms';
    });
  });
});

test('real text: at least 10,000 lines, the same each time', () => {
  const lines = realTextLines(12_000);
  assert.equal(lines.length, 12_000);
  assert.ok(lines.every((line) => line.trim() !== '' && !line.includes('\n')));
  assert.ok(new Set(lines).size > 5_000);
  assert.deepEqual(realTextLines(10_000), lines.slice(0, 10_000));
  assert.throws(() => realTextLines(1e9), { code: 'invalid-option' });
});

test('topics are unique and in the namespace asked for', () => {
  assert.match(uniqueTopic('chat'), /^persistent:\/\/public\/default\/chat-[0-9a-f]{12}$/);
  assert.match(uniqueTopic('chat', 'a/b'), /^persistent:\/\/a\/b\/chat-/);
  assert.notEqual(uniqueTopic('chat'), uniqueTopic('chat'));
});

test('every error code says what it means', () => {
  for (const info of Object.values(testkitErrors)) assert.ok(info.description.endsWith('.'));
});
