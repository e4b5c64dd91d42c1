import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, test } from 'node:test';
import { type LaneEntry, markerProperty, PulsarBus } from '@pharos/bus';
import {
  eventually,
  freePort,
  type ServiceProcess,
  sharedPulsar,
  startRedis,
  unavailable,
  uniqueTopic,
} from '@pharos/testkit';
import { pharos } from './support/processes.ts';

const count = 1_500;
const kills = 3;

describe('commands from a Pulsar topic', {
  skip: unavailable('pulsar') || unavailable('redis'),
  timeout: 600_000,
}, () => {
  test('replicas are killed in the middle: every publication is in the log, and once; what can not be done is a dead letter', async (t) => {
    const pulsar = await sharedPulsar();
    const redis = await startRedis();
    t.after(() => redis.stop());
    const [commands, output] = [uniqueTopic('commands'), uniqueTopic('commanded')];
    const bus = new PulsarBus({
      serviceUrl: pulsar.serviceUrl,
      adminUrl: pulsar.adminUrl,
      namePrefix: uniqueTopic('commander').split('/').at(-1) ?? 'commander',
    });
    t.after(() => bus.close());

    const seen = new Map<string, number>();
    let wake: () => void = () => undefined;
    const sink = await bus.openLog({ topic: output });
    const tail = await sink.attach(
      0,
      {
        entry: (entry: LaneEntry): void => {
          for (const cursor = entry.publications(); cursor.next(); ) {
            // An attach to an empty lane makes one.
            if (cursor.properties().has(markerProperty)) continue;
            const text = cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd).toString();
            seen.set(text, (seen.get(text) ?? 0) + 1);
          }
          wake();
        },
      },
      { at: 'earliest' },
    );
    t.after(() => tail.close());
    const reasons = new Map<string, Set<string>>();
    const letters = await bus.openLog({ topic: `${commands}-dead-letter` });
    const dead = await letters.attach(
      0,
      {
        entry: (entry: LaneEntry): void => {
          for (const cursor = entry.publications(); cursor.next(); ) {
            const properties = cursor.properties();
            if (properties.has(markerProperty)) continue;
            const text = cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd).toString();
            const reason = `${properties.get('pharos-error-code')} of ${properties.get('pharos-source-topic')}`;
            reasons.set(text, (reasons.get(text) ?? new Set()).add(reason));
          }
        },
      },
      { at: 'earliest' },
    );
    t.after(() => dead.close());
    const until = async (least: number): Promise<void> => {
      while (seen.size < least) await new Promise<void>((resolve) => (wake = resolve));
    };

    const serve = async (name: string): Promise<ServiceProcess> =>
      pharos(
        ['serve', 'api'],
        {
          PHAROS_NAME: name,
          PHAROS_LISTEN: `127.0.0.1:${await freePort()}`,
          PHAROS_INTERNAL_LISTEN: `127.0.0.1:${await freePort()}`,
          PHAROS_PULSAR_URL: pulsar.serviceUrl,
          PHAROS_PULSAR_ADMIN_URL: pulsar.adminUrl,
          PHAROS_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
          PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: output,
          PHAROS_CONTROL_TOPIC: uniqueTopic('control'),
          PHAROS_HTTP_API_KEY: 'a key',
          PHAROS_COMMANDS_TOPIC: commands,
        },
        /listens at/,
      );
    const replicas = await Promise.all(['api-1', 'api-2'].map(serve));
    t.after(() => Promise.all(replicas.map((replica) => replica.kill())));

    const log = await bus.openLog({ topic: commands });
    const sent = Promise.all(
      Array.from({ length: count }, (_, n) => {
        const command = { method: 'publish', params: { channel: `c${n % 20}`, data: n } };
        return log.append({ channel: `k${n % 50}`, data: Buffer.from(JSON.stringify(command)) }, 120_000);
      }),
    );
    const bad = ['no JSON', '{"method":"publishh"}', '{"method":"publish","params":{"channel":"nowhere:a","data":1}}'];
    const sentBad = Promise.all(
      bad.map((text, n) => log.append({ channel: `k${n}`, data: Buffer.from(text) }, 120_000)),
    );
    for (let kill = 1; kill <= kills; kill++) {
      await until((count / (kills + 1)) * kill);
      const which = randomInt(replicas.length);
      await replicas[which]?.kill();
      replicas[which] = await serve(`api-${which + 1}-${kill}`);
    }
    await Promise.all([sent, sentBad]);
    await until(count);
    // What the dead had begun comes again, and is found to be done: only then it is known that nothing comes twice.
    await eventually(
      async () => ((await backlog(pulsar.adminUrl, commands)) === 0 ? true : undefined),
      'no command is left',
    );
    const head = await sink.attach(0, { entry: () => undefined });
    await eventually(() => (tail.head >= head.head ? true : undefined), 'all that is in the log has come');
    await head.close();
    assert.equal(seen.size, count);
    const twice = [...seen].filter(([, times]) => times !== 1);
    assert.deepEqual(twice, []);
    // Laid there before they were acknowledged; again, perhaps, by who took over from the dead.
    await eventually(() => (reasons.size >= bad.length ? true : undefined), 'the dead letters');
    const expected = bad.map((text, n) => [text, new Set([`${[107, 104, 102][n]} of ${commands}`])] as const);
    assert.deepEqual(reasons, new Map(expected));
  });
});

/** Commands that are not acknowledged. */
async function backlog(adminUrl: string, topic: string): Promise<number> {
  const path = topic.replace('://', '/');
  const response = await fetch(`${adminUrl}/admin/v2/${path}/stats?getPreciseBacklog=true`);
  const stats = (await response.json()) as {
    subscriptions: Record<string, { msgBacklog: number; unackedMessages: number } | undefined>;
  };
  const { msgBacklog = -1, unackedMessages = -1 } = stats.subscriptions['pharos-commands'] ?? {};
  return msgBacklog + unackedMessages;
}
