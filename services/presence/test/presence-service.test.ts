import assert from 'node:assert/strict';
import { type TestContext, describe, test } from 'node:test';
import { type Bus, BusError, type Log, MemoryBroker, MemoryBus } from '@pharos/bus';
import { decodeLifecycleEvent, lifecycleTopic } from '@pharos/channels';
import { MemoryPresence, PresenceError, PresenceNode, type PresenceStore } from '@pharos/presence';
import { createLogger, createRegistry, Metrics } from '@pharos/telemetry';
import { loadConfig } from '@pharos/config';
import { Collector, eventually } from '@pharos/testkit';
import { presenceConfigSchema } from '../src/config.ts';
import { PresenceService } from '../src/presence-service.ts';

const leaseMs = 1_000;
const topic = 'persistent://public/default/chat';

interface Rig {
  readonly store: PresenceStore;
  readonly service: PresenceService;
  /** `channel client`, of each leave in the lifecycle topic. */
  readonly leaves: Collector<string>;
  readonly lines: string[];
  readonly node: (name: string) => Promise<PresenceNode>;
  readonly counted: (name: string, labels?: Record<string, string>) => Promise<number>;
}

interface RigOptions {
  readonly bus?: (bus: Bus) => Bus;
  readonly store?: (store: PresenceStore) => PresenceStore;
}

async function rig(t: TestContext, { bus: alterBus, store: alterStore }: RigOptions = {}): Promise<Rig> {
  const namespaces = [
    { name: 'told', presence: true, join_leave: true },
    { name: 'quiet', presence: true },
  ];
  const { channel } = loadConfig(presenceConfigSchema(), {
    env: {
      PHAROS_REDIS_URL: 'redis://127.0.0.1',
      PHAROS_PULSAR_URL: 'pulsar://127.0.0.1',
      PHAROS_CHANNEL_NAMESPACES: JSON.stringify(namespaces),
    },
  });
  const bus = new MemoryBus(new MemoryBroker());
  const store = new MemoryPresence();
  const leaves = new Collector<string>();
  const log = await bus.openLog({ topic: lifecycleTopic(topic) });
  await log.attach(0, {
    entry: (entry) => {
      for (const cursor = entry.publications(); cursor.next(); ) {
        const event = decodeLifecycleEvent(cursor.channel(), cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd));
        leaves.add(`${event?.type} ${event?.channel} ${event?.info.client}`);
      }
    },
  });
  const lines: string[] = [];
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  const service = new PresenceService({
    channel,
    leaseMs,
    publishTimeoutMs: 1_000,
    bus: alterBus?.(bus) ?? bus,
    store: alterStore?.(store) ?? store,
    logger: createLogger({
      name: 'presence',
      level: 'debug',
      format: 'json',
      destination: { write: (line) => void lines.push(line) },
    }),
    metrics,
  });
  const nodes: PresenceNode[] = [];
  t.after(async () => {
    await service.stop();
    await Promise.all(nodes.map((node) => node.stop()));
    await bus.close();
  });
  return {
    store,
    service,
    leaves,
    lines,
    async node(name) {
      const node = new PresenceNode(store, {
        node: name,
        about: () => Buffer.alloc(0),
        onRejoined: () => undefined,
        onError: () => undefined,
        leaseMs,
        renewMs: 100,
      });
      nodes.push(node);
      await node.run();
      return node;
    },
    async counted(name, labels = {}) {
      const metric = (await metrics.registry.getMetricsAsJSON()).find((one) => one.name === name);
      const values = (metric?.values ?? []) as { value: number; labels: Record<string, string> }[];
      return (
        values.find((one) => Object.entries(labels).every(([key, value]) => one.labels[key] === value))?.value ?? 0
      );
    },
  };
}

const member = (client: string): { client: string; user: string; info: Buffer } => ({
  client,
  user: 'ann',
  info: Buffer.alloc(0),
});

describe('the presence service', () => {
  test('a dead edge’s members are taken out; leaves go where the namespace has join_leave', async (t) => {
    const { store, service, leaves, node, counted } = await rig(t);
    await service.run();
    assert.deepEqual(service.readiness(), { ready: true, reasons: [] });
    const [dead, living] = [await node('dead'), await node('living')];
    for (const channel of ['told:a', 'told:b', 'quiet:a', 'gone:a']) await dead.join(channel, member(`${channel}-1`));
    await living.join('told:a', member('stays'));
    await dead.stop();
    await eventually(async () => ((await counted('pharos_presence_reaped_total')) === 1 ? true : undefined), 'reaping');
    // Published is before read.
    await leaves.waitForCount(2);
    assert.deepEqual([...leaves.items].sort(), ['leave told:a told:a-1', 'leave told:b told:b-1']);
    assert.equal(await counted('pharos_presence_leaves_total', { outcome: 'published' }), 2);
    assert.equal(await counted('pharos_presence_leaves_total', { outcome: 'unannounced' }), 2);
    for (const channel of ['told:b', 'quiet:a', 'gone:a']) {
      assert.deepEqual(await store.stats(channel), { clients: 0, users: 0 }, channel);
    }
    assert.deepEqual(await store.stats('told:a'), { clients: 1, users: 1 });
    await eventually(
      async () => ((await counted('pharos_presence_nodes', { state: 'absent' })) === 0 ? true : undefined),
      'the next look',
    );
    assert.equal(await counted('pharos_presence_nodes', { state: 'alive' }), 1);
  });

  test('starts though the log is away, and says why it isn’t ready; leaves wait for it', async (t) => {
    let away = true;
    const unreachable = (): Promise<never> => Promise.reject(new BusError('unreachable', 'as the test asked for'));
    const { service, leaves, lines, node, counted } = await rig(t, {
      bus: (bus) =>
        over(bus, { openLog: async (spec) => over(await (away ? unreachable() : bus.openLog(spec)), { append }) }),
    });
    let refusals = 3;
    function append(this: Log, ...args: Parameters<Log['append']>): ReturnType<Log['append']> {
      return refusals-- > 0 ? unreachable() : this.append(...args);
    }
    const running = service.run();
    await eventually(() => (lines.some((line) => line.includes('not ready')) ? true : undefined), 'the complaint');
    const { ready, reasons } = service.readiness();
    assert.equal(ready, false);
    assert.match(String(reasons[0]), /the logs are not open yet: .*as the test asked for/);
    away = false;
    await running;
    const dead = await node('dead');
    await dead.join('told:a', member('c'));
    await dead.stop();
    await leaves.waitForCount(1);
    assert.equal(await counted('pharos_presence_publish_errors_total'), 3);
  });

  test('a store that is away is told of once, when it begins and when it ends', async (t) => {
    let away = true;
    const { service, lines, counted } = await rig(t, {
      store: (store) =>
        over(store, {
          nodes: () =>
            away ? Promise.reject(new PresenceError('unavailable', 'as the test asked for')) : store.nodes(),
        }),
    });
    await service.run();
    await eventually(async () => ((await counted('pharos_presence_errors_total')) >= 3 ? true : undefined), 'failures');
    away = false;
    await eventually(() => (lines.some((line) => line.includes('looked at again')) ? true : undefined), 'the end');
    assert.equal(lines.filter((line) => line.includes('a look at the leases failed')).length, 1);
    await service.drain();
    assert.deepEqual(service.readiness().reasons, ['draining']);
  });
});

/** `target` with some of what it does replaced. */
function over<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get: (real, name) => {
      if (Object.hasOwn(changes, name))
        return (Reflect.get(changes, name) as (...args: unknown[]) => unknown).bind(real);
      const value = Reflect.get(real, name, real) as unknown;
      return typeof value === 'function' ? (value.bind(real) as unknown) : value;
    },
  });
}
