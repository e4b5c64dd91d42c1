import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PulsarBus } from '@pharos/bus';
import { PulsarAdmin } from '@pharos/pulsar-client';
import { keepingNamespace, sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
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
    const dry = await provision(['--dry-run', '--strict'], env);
    assert.equal(dry.status, 0, dry.err);
    assert.deepEqual(dry.lines, [
      ...[`${open}: would be made, 1 lane`, ...wouldSet()],
      ...[
        `${news}: would be made, 3 lanes`,
        ...wouldSet(180),
        `  would set: the subscription pharos-history, it has none`,
      ],
      ...[`${news}-lifecycle: would be made, 3 lanes`, ...wouldSet()],
      ...[`${control}: would be made, 1 lane`, ...wouldSet()],
      ...[`${control}-nodes: would be made, 1 lane`, ...wouldSet()],
      ...[`${control}-revocations: would be made, 1 lane`, ...wouldSet((30 * 24 + 1) * 60)],
      ...[`${control}-inbox: would be made, 8 lanes`, ...wouldSet()],
    ]);
    assert.equal(await admin.getPartitions(news), undefined);

    const first = await provision(['--strict'], env);
    assert.equal(first.status, 0, first.err);
    assert.equal(first.lines.filter((line) => / made, \d lanes?, epoch \w+\.\d$/.test(line)).length, 7);
    assert.equal(await admin.getPartitions(news), 3);
    assert.equal(await admin.isTopicDeduplicated(news), true);
    assert.equal((await admin.getTopicRetention(news)).retentionTimeInMinutes, 180);
    assert.deepEqual(await admin.getSubscriptions(`${news}-partition-0`), ['pharos-history']);

    const second = await provision(['--strict'], env);
    assert.equal(second.status, 0, second.err);
    assert.deepEqual(
      second.lines,
      first.lines.map((line) => line.replace(': made', ': there')),
    );
    assert.deepEqual(
      (await provision(['--dry-run'], env)).lines,
      first.lines.map((line) => line.replace(': made', ': is there')),
      'nothing is left to set',
    );

    const more = { ...env, PHAROS_CHANNEL_NAMESPACES: JSON.stringify([{ ...namespace, lanes: 5 }]) };
    const tooMany = await provision(['--dry-run'], more);
    assert.equal(tooMany.status, 1);
    assert(tooMany.lines.includes(`  lacking: '${news}' has 3 lanes, 5 were asked for`));
    assert.match((await provision([], more)).err, /has 3 lanes, 5 were asked for/);
  });

  test('a topic that is there with less than a log needs: what is missing is seen, then set, and the rest is left', async () => {
    const { serviceUrl, adminUrl } = await sharedPulsar();
    const [log, control] = [uniqueTopic('raised'), uniqueTopic('control')];
    const admin = new PulsarAdmin({ adminUrl });
    await admin.createPartitionedTopic(log, 2, { kept: 'yes' });
    await admin.setTopicRetention(log, { retentionTimeInMinutes: 90, retentionSizeInMB: 10 });
    const quota = { limitSize: 1_000_000, limitTime: -1, policy: 'producer_exception' } as const;
    await admin.setTopicBacklogQuota(log, 'destination_storage', quota);
    const env = {
      PHAROS_PULSAR_URL: serviceUrl,
      PHAROS_PULSAR_ADMIN_URL: adminUrl,
      PHAROS_REDIS_URL: 'redis://localhost',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: log,
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '9',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL: '2h',
      PHAROS_CONTROL_TOPIC: control,
    };
    const ofLog = (lines: readonly string[]): string[] =>
      lines.slice(0, lines.indexOf(`${control}: would be made, 1 lane`));
    const dry = await provision(['--dry-run', '--strict'], env);
    assert.equal(dry.status, 0, dry.err);
    assert.deepEqual(ofLog(dry.lines), [
      `${log}: is there, 2 lanes`,
      '  would set: an epoch, it has none',
      '  would set: deduplication on, it is off',
      '  would set: retention 120 minutes of any size, it is 90 minutes of 10 MB',
      '  would set: backlog quota destination_storage consumer_backlog_eviction, it is producer_exception',
      '  would set: deletion while inactive off, it is on',
      '  would set: the subscription pharos-history, it has none',
    ]);
    assert.deepEqual(await admin.getTopicBacklogQuotas(log).then((quotas) => quotas.get('destination_storage')), quota);
    assert.equal((await admin.getProperties(log))['pharos-epoch'], undefined);

    const made = await provision(['--strict'], env);
    assert.equal(made.status, 0, made.err);
    assert.match(made.lines[0] ?? '', /raised-\w+: there, 2 lanes, epoch \w+\.2$/);
    assert.deepEqual(await admin.getTopicRetention(log), { retentionTimeInMinutes: 120, retentionSizeInMB: -1 });
    const policy = 'consumer_backlog_eviction';
    assert.deepEqual((await admin.getTopicBacklogQuotas(log)).get('destination_storage'), { ...quota, policy });
    assert.equal((await admin.getProperties(log))['kept'], 'yes');
    for (const lane of [0, 1]) {
      assert.deepEqual(await admin.getSubscriptions(`${log}-partition-${lane}`), ['pharos-history']);
    }
    assert.deepEqual((await provision(['--dry-run'], env)).lines.slice(0, 2), [
      made.lines[0]?.replace(': there', ': is there'),
      `${control}: is there, 1 lane, ${/epoch \S+/.exec(made.lines[1] ?? '')?.[0]}`,
    ]);
  });

  test('the topic of commands, its subscription and its dead letters, which are kept for as long as the API promises', async (context) => {
    const { serviceUrl, adminUrl } = await sharedPulsar();
    const [log, control, orders] = [uniqueTopic('log'), uniqueTopic('control'), uniqueTopic('orders')];
    const letters = `${orders}-dead-letter`;
    const folder = mkdtempSync(join(tmpdir(), 'pharos-provision-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const config = join(folder, 'pharos.yaml');
    const commands = { topic: orders, subscription: 'orders', dead_letter_ttl: '36h' };
    // JSON is YAML.
    writeFileSync(config, JSON.stringify({ pulsar: { url: serviceUrl, admin_url: adminUrl }, commands }));
    const env = { PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: log, PHAROS_CONTROL_TOPIC: control };
    const run = (...args: string[]): ReturnType<typeof provision> => provision(['--config', config, ...args], env);
    const ofCommands = (lines: readonly string[]): string[] =>
      lines.slice(lines.findIndex((line) => line.startsWith(orders)));
    const admin = new PulsarAdmin({ adminUrl });

    const dry = await run('--dry-run', '--strict');
    assert.equal(dry.status, 0, dry.err);
    assert.deepEqual(ofCommands(dry.lines), [
      ...[`${orders}: would be made, 1 lane`, ...wouldSet(), '  would set: the subscription orders, it has none'],
      ...[`${letters}: would be made, 1 lane`, ...wouldSet(36 * 60)],
    ]);
    assert.equal(await admin.getPartitions(orders), undefined);
    assert.equal(await admin.getPartitions(letters), undefined);

    const made = await run('--strict');
    assert.equal(made.status, 0, made.err);
    assert.match(
      ofCommands(made.lines).join('\n'),
      /orders-\w+: made, 1 lane, .*\n.*-dead-letter: made, 1 lane, epoch \S+$/,
    );
    assert.deepEqual(await admin.getSubscriptions(orders), ['orders']);
    assert.deepEqual(await admin.getTopicRetention(letters), {
      retentionTimeInMinutes: 36 * 60,
      retentionSizeInMB: -1,
    });
    const again = made.lines.map((line) => line.replace(': made', ': is there'));
    assert.deepEqual((await run('--dry-run', '--strict')).lines, again, 'nothing is left to set');

    // What was sent before the API first runs is there for it.
    const bus = new PulsarBus({ serviceUrl, adminUrl, namePrefix: 'provision-test' });
    context.after(() => bus.close());
    await (await bus.openLog({ topic: orders })).append({ channel: 'a', data: Buffer.from('an order') }, 30_000);
    assert.equal((await run('--strict')).status, 0);
    const work = await bus.subscribeWork({ topic: orders, subscription: 'orders', type: 'shared', startAt: 'latest' });
    assert.equal((await work.receive()).data.toString(), 'an order');
  });

  test('what the namespace gives its topics already is not set, and where there is none nothing can be made', async () => {
    const { serviceUrl, adminUrl } = await sharedPulsar();
    const admin = new PulsarAdmin({ adminUrl });
    const namespace = await keepingNamespace(adminUrl);
    await admin.setDeduplication(namespace, true);
    const [log, control] = [uniqueTopic('log', namespace), uniqueTopic('control', namespace)];
    const env = {
      PHAROS_PULSAR_URL: serviceUrl,
      PHAROS_PULSAR_ADMIN_URL: adminUrl,
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: log,
      PHAROS_CONTROL_TOPIC: control,
    };
    const dry = await provision(['--dry-run', '--strict'], env);
    assert.equal(dry.status, 0, dry.err);
    assert.deepEqual(dry.lines.slice(0, 3), [
      `${log}: would be made, 1 lane`,
      '  would set: deletion while inactive off, it is on',
      `${control}: would be made, 1 lane`,
    ]);
    const nowhere = uniqueTopic('log', 'public/nowhere');
    const none = await provision(['--dry-run'], { ...env, PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: nowhere });
    assert.equal(none.status, 1);
    assert.match(none.lines[1] ?? '', /^ {2}lacking: .* can't be made: .*Namespace does not exist/);
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

/** What a new log is given, on a broker with the defaults. */
function wouldSet(minutes = 60): string[] {
  return [
    '  would set: deduplication on, it is off',
    `  would set: retention ${minutes} minutes of any size, it is 0 minutes of 0 MB`,
    '  would set: deletion while inactive off, it is on',
  ];
}
