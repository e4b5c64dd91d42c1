import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realTextLines, startPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { finished, pharos, texts } from './pharos.ts';

test('kill -9 of the broker in the middle: every line is acknowledged and arrives, in order', {
  skip: unavailable('pulsar'),
}, async (context) => {
  const broker = await startPulsar();
  context.after(() => broker.stop());
  const lines = realTextLines(4000);
  const to = ['--url', broker.serviceUrl, '--topic', uniqueTopic('kill')];
  // Numbered, so that a line that comes twice can't hide among lines that are alike.
  const numbered = lines.map((line, index) => `${index} ${line}`);
  const consumer = await pharos(['consume', ...to, '--from', 'earliest']);
  // On a busy machine the broker needs longer to be back than a line may wait by default.
  const producer = await pharos(['produce', ...to, '--rate', '500', '--send-timeout', '600']);
  await producer.write(numbered.join('\n'));
  producer.endInput();
  await consumer.waitForLine(/^Received message: 1000 /);
  await broker.kill();
  await broker.restart();

  const produced = await finished(producer);
  assert.equal(produced.code, 0, produced.err);
  assert.match(produced.err, /^4000 of 4000 lines acknowledged/m);
  await consumer.waitForLine(/^Received message: 3999 /);
  consumer.signal('SIGTERM');
  const consumed = await finished(consumer);
  assert.equal(consumed.code, 0, consumed.err);
  // What the broker had not noted as acknowledged before it died comes again: at least once is what a consumer gets.
  const seen = new Set<string>();
  const firsts = texts(consumed.out).filter((text) => !seen.has(text) && seen.add(text));
  assert.deepEqual(firsts, numbered);
});
