import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type PulsarServer, realTextLines, startPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { runCli } from '../src/index.ts';
import { fakeTerminal } from './fakes.ts';
import { finished, pharos, texts } from './pharos.ts';

describe('a broker of our own, which gives no offsets', { skip: unavailable('pulsar') }, () => {
  let broker: PulsarServer;
  before(async () => {
    broker = await startPulsar({
      overrides: { brokerEntryMetadataInterceptors: '', topicLevelPoliciesEnabled: 'false' },
    });
  });
  after(() => broker.stop());

  test('provision sees beforehand what the broker lacks, and fails where that is not to be', async () => {
    const env = {
      PHAROS_PULSAR_URL: broker.serviceUrl,
      PHAROS_PULSAR_ADMIN_URL: broker.adminUrl,
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: uniqueTopic('bare'),
    };
    const said: string[] = [];
    for (const [args, expected] of [
      [['--dry-run'], 0],
      [['--dry-run', '--strict'], 1],
      [['--strict'], 1],
    ] as const) {
      const terminal = fakeTerminal(env);
      assert.equal(
        await runCli(['provision', ...args], terminal),
        expected,
        `${args.join(' ')}: ${terminal.stderr.text}`,
      );
      said.push(terminal.stdout.text);
    }
    const [dry = '', dryStrict, made = ''] = said;
    assert.equal(dry, dryStrict);
    assert.match(dry, /lacking: no offsets, so no recovery: .*AppendIndexMetadataInterceptor/);
    assert.match(dry, /lacking: .*deduplication is off.* \(the broker takes no policies of topics\)/);
    assert.doesNotMatch(dry, /would set/);
    const lacks = (text: string): string[] =>
      text.split('\n').flatMap((line) => /^ {2}lacking: (.*?)(?: \(.*)?$/.exec(line)?.[1] ?? []);
    assert.deepEqual(lacks(dry), lacks(made), 'the dry run knew all of it');
  });

  test('kill -9 of the broker in the middle: every line is acknowledged and arrives, in order', async () => {
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
});
