import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { realTextLines, sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { finished, pharos, run, texts } from './pharos.ts';

const LINES = 10_000;

describe('pharos produce and consume', { skip: unavailable('pulsar') }, () => {
  test('10,000 real lines arrive once and in order, one by one and in batches', async () => {
    const { serviceUrl } = await sharedPulsar();
    const lines = realTextLines(LINES);
    const to = ['--url', serviceUrl, '--topic', uniqueTopic('lines')];
    const read = ['consume', ...to, '--from', 'earliest', '--count', String(LINES)];
    const oneByOne = await pharos([...read, '--subscription', 'one']);
    const produced = await run(['produce', ...to], { input: lines.join('\r\n') });
    assert.equal(produced.code, 0, produced.err);
    assert.match(produced.err, /^10000 of 10000 lines acknowledged in \d+\.\d s, \d+ lines\/s$/m);
    const one = await finished(oneByOne);
    assert.equal(one.code, 0, one.err);
    assert.deepEqual(texts(one.out), lines);

    const batch = await run([...read, '--subscription', 'batch', '--batch']);
    assert.equal(batch.code, 0, batch.err);
    assert.deepEqual(texts(batch.out), lines);
    const sizes = [...batch.err.matchAll(/^batch of (\d+)$/gm)].map(([, size]) => Number(size));
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      LINES,
    );
    assert.ok(sizes.length < LINES / 2, `${sizes.length} batches are no batches`);
  });

  test('bytes, keys and empty lines arrive as they are, and JSON tells all of a message', async () => {
    const { serviceUrl } = await sharedPulsar();
    const to = ['--topic', uniqueTopic('json')];
    const env = { PHAROS_PULSAR_URL: serviceUrl };
    const input = Buffer.concat([Buffer.from('é\n\n'), Buffer.from([0xff, 0xfe, 0x0a])]);
    assert.equal((await run(['produce', ...to, '--key', 'news:eu'], { env, input })).code, 0);
    const { code, out, err } = await run(['consume', ...to, '--from', 'earliest', '--json', '--count', '3'], { env });
    assert.equal(code, 0, err);
    const messages = out.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      messages.map(({ data, b64data }) => data ?? b64data),
      ['é', '', '//4='],
    );
    for (const { topic, key, properties, publishTime, messageId, redeliveryCount } of messages) {
      assert.equal(topic, to[1]);
      assert.equal(key, 'news:eu');
      assert.deepEqual(properties, {});
      assert.ok(Math.abs(Date.parse(String(publishTime)) - Date.now()) < 60_000, String(publishTime));
      assert.match(String(messageId), /\d/);
      assert.equal(redeliveryCount, 0);
    }
  });

  test('a line of 5 MiB arrives, one that is longer is refused by its number', async () => {
    const { serviceUrl } = await sharedPulsar();
    const to = ['--url', serviceUrl, '--topic', uniqueTopic('long')];
    const longest = 'x'.repeat(5 * 1024 * 1024);
    const { code, err } = await run(['produce', ...to], { input: `a\n${longest}\n${longest}y\nb` });
    assert.equal(code, 1);
    assert.match(err, /^2 of 3 lines acknowledged/m);
    assert.match(err, /line 3 was not acknowledged: .*5242881 bytes.*5242880/);
    const consumed = await run(['consume', ...to, '--from', 'earliest', '--count', '2']);
    assert.deepEqual(texts(consumed.out), ['a', longest]);
  });

  test('a rate is held', async () => {
    const { serviceUrl } = await sharedPulsar();
    const to = ['--url', serviceUrl, '--topic', uniqueTopic('rate')];
    const { code, err } = await run(['produce', ...to, '--rate', '200'], { input: 'x\n'.repeat(300) });
    assert.equal(code, 0, err);
    const [, seconds] = /^300 of 300 lines acknowledged in (\d+\.\d) s/m.exec(err) ?? [];
    assert.ok(Number(seconds) >= 1.4, err);
    assert.match(err, /^\d+ lines acknowledged, \d+ lines\/s$/m);
  });

  test('a consumer that is ended goes on where it was: nothing lost, nothing twice', async () => {
    const { serviceUrl } = await sharedPulsar();
    const to = ['--url', serviceUrl, '--topic', uniqueTopic('resume')];
    const lines = realTextLines(3000).map((line, index) => `${index} ${line}`);
    const half = lines.length / 2;
    const first = await pharos(['consume', ...to, '--from', 'earliest']);
    const producer = await pharos(['produce', ...to]);
    await producer.write(`${lines.slice(0, half).join('\n')}\n`);
    await first.waitForLine(/./);
    first.signal('SIGTERM');
    const start = await finished(first);
    assert.equal(start.code, 0, start.err);
    await producer.write(lines.slice(half).join('\n'));
    producer.endInput();
    assert.equal((await producer.exited).code, 0, producer.stderr.tail());

    const second = await pharos(['consume', ...to]);
    await second.waitForLine(new RegExp(`^Received message: ${lines.length - 1} `));
    second.signal('SIGTERM');
    const rest = await finished(second);
    assert.equal(rest.code, 0, rest.err);
    assert.deepEqual([...texts(start.out), ...texts(rest.out)], lines);
  });

  test('runs that take one message each of a batch go through it', async () => {
    const { serviceUrl } = await sharedPulsar();
    const to = ['--url', serviceUrl, '--topic', uniqueTopic('one-by-one')];
    assert.equal((await run(['produce', ...to], { input: 'a\nb\nc\n' })).code, 0);
    for (const text of ['a', 'b', 'c']) {
      const { code, out, err } = await run(['consume', ...to, '--from', 'earliest', '--count', '1']);
      assert.equal(code, 0, err);
      assert.deepEqual(texts(out), [text]);
    }
  });

  test('SIGINT ends a producer with what it read acknowledged, said and status 130', async () => {
    const { serviceUrl } = await sharedPulsar();
    const to = ['--url', serviceUrl, '--topic', uniqueTopic('sigint')];
    const producer = await pharos(['produce', ...to]);
    await producer.write('a\nb\nhalf a line');
    await producer.stderr.waitFor(/^2 lines acknowledged/);
    producer.signal('SIGINT');
    const { code, err } = await finished(producer);
    assert.equal(code, 130);
    assert.match(err, /^2 of 2 lines acknowledged/m);
    const consumed = await run(['consume', ...to, '--from', 'earliest', '--count', '2']);
    assert.equal(consumed.code, 0, consumed.err);
    assert.deepEqual(texts(consumed.out), ['a', 'b']);
  });
});
