import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { type Bus, BusError, idempotencyKeyProperty, type Log, MemoryBroker, MemoryBus } from '@pharos/bus';
import { Deferred } from '@pharos/lifecycle';
import { createLogger, Metrics } from '@pharos/telemetry';
import { KeyedPublishes } from '../src/idempotency/keyed-publishes.ts';
import { MemoryIdempotency } from '../src/idempotency/memory-store.ts';
import type { IdempotencyStore } from '../src/idempotency/port.ts';
import type { LaneWatch } from '../src/lanes/lane-watch.ts';
import { ApiMetrics } from '../src/metrics.ts';
import { startApi, type TestApi } from './support/api.ts';

const chat = 'persistent://public/default/chat';

interface Place {
  readonly offset: number;
  readonly epoch: string;
}

/** Some replicas on one log and one store of keys, whose clock is the test's. */
class World {
  readonly broker = new MemoryBroker();
  now = 1_000_000;
  readonly store: IdempotencyStore = new MemoryIdempotency({ now: () => this.now });
  readonly t: TestContext;

  constructor(t: TestContext) {
    this.t = t;
  }

  replica(bus: Bus = new MemoryBus(this.broker), store = this.store, timeout = '2s'): Promise<TestApi> {
    return startApi(this.t, { bus, idempotency: store, env: { PHAROS_HTTP_API_PUBLISH_TIMEOUT: timeout } });
  }

  /** How often each key is in the log. */
  async published(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    const log = await new MemoryBus(this.broker).openLog({ topic: chat });
    const newest = (await log.attach(0, { entry: () => undefined })).newestAtAttach;
    await new Promise<void>((resolve) => {
      if (newest === 0) resolve();
      void log.attach(
        0,
        {
          entry(entry) {
            const cursor = entry.publications();
            while (cursor.next()) {
              const key = cursor.properties().get(idempotencyKeyProperty) ?? '';
              counts.set(key, (counts.get(key) ?? 0) + 1);
            }
            if (entry.firstOffset + entry.count - 1 >= newest) resolve();
          },
        },
        { at: 'earliest' },
      );
    });
    return counts;
  }
}

const command = (key: string, data: unknown = 1) => ({ channel: 'a', data, idempotency_key: key });

/** The same but for one of its methods. */
function withMethod<T extends object, K extends keyof T>(target: T, name: K, method: T[K]): T {
  return new Proxy(target, {
    get(inner, asked): unknown {
      if (asked === name) return method;
      const value: unknown = Reflect.get(inner, asked);
      return typeof value === 'function' ? (value.bind(inner) as unknown) : value;
    },
  });
}

/** A bus whose appends go as `append` says. */
function busThat(
  broker: MemoryBroker,
  append: (log: Log, ...args: Parameters<Log['append']>) => ReturnType<Log['append']>,
): Bus {
  const bus = new MemoryBus(broker);
  return withMethod(bus, 'openLog', async (spec) => {
    const log = await bus.openLog(spec);
    return withMethod(log, 'append', (...args) => append(log, ...args));
  });
}

describe('idempotent publish', () => {
  test('500 publishes of 20 keys at once over three replicas: each is there once, and all are told where', async (t) => {
    const world = new World(t);
    // However slow the machine is: who waits for another's publish is not to give up.
    const replica = (): Promise<TestApi> => world.replica(undefined, undefined, '60s');
    const replicas = await Promise.all([replica(), replica(), replica()]);
    const sends = Array.from({ length: 500 }, (_, n) => ({ key: `k${n % 20}`, api: replicas[n % 3] as TestApi }));
    const places = await Promise.all(
      sends.map(async ({ key, api }) => ({ key, place: await api.result('publish', command(key)) })),
    );
    const counts = await world.published();
    assert.equal(counts.size, 20);
    assert.deepEqual([...new Set(counts.values())], [1]);
    for (let key = 0; key < 20; key++) {
      const told = places.filter((one) => one.key === `k${key}`).map(({ place }) => JSON.stringify(place));
      assert.equal(new Set(told).size, 1, `k${key}: ${told.join(' ')}`);
    }
  });

  test('who dies before it has published is followed by the next, who does', async (t) => {
    const world = new World(t);
    const api = await world.replica();
    await api.result('publish', { channel: 'a', data: 0 });
    const mark = {
      offset: 1,
      position: '1',
      epoch: (await api.result('publish', { channel: 'a', data: 0 }))['epoch'] as string,
    };
    await world.store.claim({ log: chat, channel: 'a', key: 'k' }, 'dead', mark);
    assert.equal(await api.errorOf('publish', command('k')), 100, 'until it is known to be dead');
    world.now += 60_000;
    const place = await api.result('publish', command('k'));
    assert.deepEqual(await api.result('publish', command('k')), place);
    assert.equal((await world.published()).get('k'), 1);
  });

  test('who dies after it has published, and before it said so, is found in the log', async (t) => {
    const world = new World(t);
    // It publishes and is never heard of again.
    const dying = await world.replica(
      busThat(world.broker, async (log, publication, deadlineMs) => {
        await log.append(publication, deadlineMs);
        return new Promise(() => undefined);
      }),
    );
    void dying.call('publish', command('k')).catch(() => undefined);
    while ((await world.published()).get('k') !== 1) await new Promise((resolve) => setImmediate(resolve));
    const other = await world.replica();
    for (let n = 0; n < 50; n++) await other.result('publish', { channel: 'a', data: n });
    await dying.stop();
    world.now += 60_000;
    const place = (await other.result('publish', command('k'))) as unknown as Place;
    assert.equal(place.offset, 1);
    assert.equal((await world.published()).get('k'), 1);
  });

  test('a publish whose outcome is not known is not published again, and told once it comes by', async (t) => {
    const world = new World(t);
    let arrive = (): void => undefined;
    const api = await world.replica(
      busThat(world.broker, (log, publication) => {
        arrive = () => void log.append(publication, 1_000);
        throw new BusError('outcome-unknown', 'the deadline passed');
      }),
    );
    assert.equal(await api.errorOf('publish', command('k')), 100);
    // Its frame may still be on its way: for as long as the replica lives nobody publishes.
    assert.equal(await (await world.replica()).errorOf('publish', command('k')), 100);
    assert.equal((await world.published()).get('k'), undefined);
    arrive();
    const place = (await (await world.replica()).result('publish', command('k'))) as unknown as Place;
    assert.equal(place.offset, 1);
    assert.equal((await world.published()).get('k'), 1);
  });

  test('what came by before its outcome was given up is known, and not held back for an hour', async (t) => {
    const world = new World(t);
    const api = await world.replica(
      busThat(world.broker, async (log, publication, deadlineMs) => {
        const seen = new Deferred();
        await log.attach(0, { entry: () => setImmediate(() => seen.resolve()) });
        await log.append(publication, deadlineMs);
        await seen.promise;
        throw new BusError('outcome-unknown', "the log's word was lost with the connection");
      }),
    );
    const place = (await api.result('publish', command('k'))) as unknown as Place;
    assert.equal(place.offset, 1);
    assert.deepEqual(await (await world.replica()).result('publish', command('k')), place);
    assert.equal((await world.published()).get('k'), 1);
  });

  test('a claim that took long is not relied on, nor is one while the log is away; what can be published in time is', async () => {
    const claims = new MemoryIdempotency({ holdMs: 80 });
    const slow = withMethod(claims, 'claim', async (...args) => {
      const claim = await claims.claim(...args);
      await new Promise((resolve) => setTimeout(resolve, 60));
      return claim;
    });
    const mark = { offset: 0, position: '', epoch: 'e' };
    const deadlines: number[] = [];
    const watch = {
      log: { topic: chat },
      mark: () => Promise.resolve(mark),
      onKey: () => () => undefined,
      append: (_publication: unknown, deadlineMs: number) => {
        deadlines.push(deadlineMs);
        if (deadlines.length < 3) return Promise.reject(new BusError('deadline', 'the log is away'));
        return Promise.resolve({ offset: 7, epoch: 'e' });
      },
    } as unknown as LaneWatch;
    const publish = (store: IdempotencyStore, holdMs: number, key: string): Promise<Place | undefined> => {
      const [logger, metrics] = [createLogger({ name: 'test', level: 'silent' }), new Metrics()];
      const keyed = new KeyedPublishes({ store, logger, metrics: new ApiMetrics(metrics), holdMs });
      const publication = { channel: 'a', data: Buffer.from('1') };
      return keyed.publish(watch, publication, key, 60_000).finally(() => keyed.stop());
    };
    await assert.rejects(publish(slow, 80, 'slow'), /the claim of the key was lost/);
    assert.deepEqual(deadlines, []);
    assert.deepEqual(await publish(new MemoryIdempotency(), 10_000, 'away'), { offset: 7, epoch: 'e' });
    assert.deepEqual(deadlines, [5_000, 5_000, 5_000]);
  });

  test('what was surely not published can be tried again at once', async (t) => {
    const world = new World(t);
    let isFull = true;
    const api = await world.replica(
      busThat(world.broker, (log, ...args) => {
        if (isFull) throw new BusError('queue-full', 'full');
        return log.append(...args);
      }),
    );
    assert.equal(await api.errorOf('publish', command('k')), 111);
    isFull = false;
    await api.result('publish', command('k'));
    assert.equal((await world.published()).get('k'), 1);
  });

  test('without the store nobody publishes blindly', async (t) => {
    const world = new World(t);
    const reason = Object.assign(new Error('Redis is away'), { code: 'unavailable', retryable: true });
    const away = withMethod(world.store, 'claim', () => Promise.reject(reason));
    const api = await world.replica(new MemoryBus(world.broker), away);
    assert.equal(await api.errorOf('publish', command('k')), 100);
    assert.equal((await world.published()).size, 0);
    await api.result('publish', { channel: 'a', data: 1 });
  });

  test('a store that is away when all is done is told later', async (t) => {
    const world = new World(t);
    let isAway = true;
    const flaky = withMethod(world.store, 'done', (...args) =>
      isAway ? Promise.reject(new Error('away')) : world.store.done(...args),
    );
    const api = await world.replica(new MemoryBus(world.broker), flaky);
    const place = await api.result('publish', command('k'));
    assert.equal(await (await world.replica()).errorOf('publish', command('k')), 100, 'not known to others yet');
    isAway = false;
    // The publisher's own clock: it tries again within a few seconds.
    let again = await (await world.replica()).call('publish', command('k'));
    while (again.body['error'] !== undefined) again = await (await world.replica()).call('publish', command('k'));
    assert.deepEqual(again.body['result'], place);
    assert.equal((await world.published()).get('k'), 1);
  });

  test('a key that is too long is refused', async (t) => {
    const api = await new World(t).replica();
    assert.equal(await api.errorOf('publish', command('k'.repeat(257))), 107);
  });
});
