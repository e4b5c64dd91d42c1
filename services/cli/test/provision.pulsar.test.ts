import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PulsarAdmin } from '@pharos/pulsar-client';
import { sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { runCli } from '../src/index.ts';
import { fakeTerminal } from './fakes.ts';

describe('pharos provision', { skip: unavailable('pulsar') }, () => {
  test('says what it would make, makes it with lanes, policies and subscription, and then changes nothing', async () => {
    const { serviceUrl, adminUrl } = await sharedPulsar();
    const [open, news, control] = [uniqueTopic('open'), uniqueTopic('news'), uniqueTopic('control')];
    const namespace = { name: 'news', log: news, lanes: 3, join_leave: true, history_size: 9, history_ttl: '3h' };
    const env = {
      PHAROS_PULSAR_URL: serviceUrl,
      PHAROS_PULSAR_ADMIN_URL: adminUrl,
      PHAROS_REDIS_URL: 'redis://localhost',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: open,
      PHAROS_CHANNEL_NAMESPACES: JSON.stringify([namespace]),
      PHAROS_CONTROL_TOPIC: control,
    };
    const admin = new PulsarAdmin({ adminUrl });
    const dry = await provision(['--dry-run'], env);
    assert.equal(dry.status, 0, dry.err);
    assert.deepEqual(dry.lines, [
      `${open}: would be made, 1 lane`,
      `${news}: would be made, 3 lanes`,
      `${news}-lifecycle: would be made, 3 lanes`,
      `${control}: would be made, 1 lane`,
      `${control}-nodes: would be made, 1 lane`,
      `${control}-revocations: would be made, 1 lane`,
      `${control}-inbox: would be made, 8 lanes`,
    ]);
    assert.equal(await admin.getPartitions(news), undefined);

    const first = await provision([], env);
    assert.equal(first.status, 0, first.err);
    assert.equal(first.lines.filter((line) => / made, \d lanes?, epoch \w+\.\d$/.test(line)).length, 7);
    assert.equal(await admin.getPartitions(news), 3);
    assert.equal(await admin.isTopicDeduplicated(news), true);
    assert.equal((await admin.getTopicRetention(news)).retentionTimeInMinutes, 180);
    const subscriptions = await fetch(`${adminUrl}/admin/v2/${news.replace('://', '/')}-partition-0/subscriptions`);
    assert.deepEqual(await subscriptions.json(), ['pharos-history']);

    const second = await provision([], env);
    assert.equal(second.status, 0, second.err);
    assert.deepEqual(
      second.lines,
      first.lines.map((line) => line.replace(': made', ': there')),
    );

    const more = { ...env, PHAROS_CHANNEL_NAMESPACES: JSON.stringify([{ ...namespace, lanes: 5 }]) };
    const tooMany = await provision(['--dry-run'], more);
    assert.equal(tooMany.status, 1);
    assert(tooMany.lines.includes('  lacking: 5 lanes were asked for; a log keeps the number it was made with'));
    assert.match((await provision([], more)).err, /has 3 lanes, 5 were asked for/);
  });

  test('without the admin API nothing is taken for provisioned', async () => {
    const { serviceUrl } = await sharedPulsar();
    const { status, err } = await provision([], {
      PHAROS_PULSAR_URL: serviceUrl,
      PHAROS_PULSAR_ADMIN_URL: 'http://127.0.0.1:1',
    });
    assert.equal(status, 1);
    assert.match(err, /^pharos: .*127\.0\.0\.1:1/);
  });
});

async function provision(args: readonly string[], env: Record<string, string>) {
  const terminal = fakeTerminal(env);
  const status = await runCli(['provision', ...args], terminal);
  return { status, lines: terminal.stdout.text.trimEnd().split('\n'), err: terminal.stderr.text };
}
