import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { BusError, idempotencyKeyProperty, type LaneEntry, type Log, MemoryBroker, MemoryBus } from '@pharos/bus';
import { loadConfig } from '@pharos/config';
import { Collector, eventually } from '@pharos/testkit';
import { decodeCommand } from '../src/commands/command.ts';
import { failureOf } from '../src/commands/failure.ts';
import { apiConfigSchema } from '../src/config.ts';
import { MemoryIdempotency } from '../src/idempotency/memory-store.ts';
import type { Claim, IdempotencyStore, KeyedPublish } from '../src/idempotency/port.ts';
import type { LaneMark } from '../src/lanes/lane-watch.ts';
import { startApi, type TestApi, type TestApiOptions } from './support/api.ts';

const topic = 'persistent://public/default/orders';

interface Found {
  readonly channel: string;
  readonly text: string;
  readonly properties: ReadonlyMap<string, string>;
}

interface World {
  readonly api: TestApi;
  readonly published: Collector<Found>;
  readonly dead: Collector<Found>;
  /** Puts a command on the topic. */
  readonly send: (command: unknown, key?: string) => Promise<void>;
  readonly counted: (outcome: string) => Promise<number>;
}

async function collect(log: Log): Promise<Collector<Found>> {
  const found = new Collector<Found>();
  const entry = {
    entry: (each: LaneEntry): void => {
      for (const cursor = each.publications(); cursor.next(); ) {
        const text = cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd).toString();
        found.add({ channel: cursor.channel(), text, properties: cursor.properties() });
      }
    },
  };
  await log.attach(0, entry, { at: 'earliest' });
  return found;
}

async function world(t: TestContext, options: TestApiOptions = {}, env: Record<string, string> = {}): Promise<World> {
  const broker = options.broker ?? new MemoryBroker();
  const bus = new MemoryBus(broker);
  t.after(() => bus.close());
  const commands = await bus.openLog({ topic });
  const published = await collect(await bus.openLog({ topic: 'persistent://public/default/chat' }));
  const dead = await collect(await bus.openLog({ topic: `${topic}-dead-letter` }));
  const api = await startApi(t, { ...options, broker, env: { PHAROS_COMMANDS_TOPIC: 'orders', ...env } });
  return {
    api,
    published,
    dead,
    async send(command, key = 'any') {
      const data = Buffer.from(typeof command === 'string' ? command : JSON.stringify(command));
      await commands.append({ channel: key, data }, 1_000);
    },
    async counted(outcome) {
      const found = await api.metrics.registry.getSingleMetric('pharos_api_commands_total')?.get();
      return found?.values.find(({ labels }) => labels['outcome'] === outcome)?.value ?? 0;
    },
  };
}

const publishing = (channel: string, data: unknown, more: object = {}): object => ({
  method: 'publish',
  params: { channel, data, ...more },
});

/** Is away for so many calls. */
class Fickle implements IdempotencyStore {
  readonly #inner = new MemoryIdempotency();
  failures = 0;

  claim(publish: KeyedPublish, publisher: string, mark: LaneMark): Promise<Claim> {
    if (this.failures-- > 0) return Promise.reject(new BusError('unreachable', 'the store is away'));
    return this.#inner.claim(publish, publisher, mark);
  }

  hold: MemoryIdempotency['hold'] = (...args) => this.#inner.hold(...args);
  done: MemoryIdempotency['done'] = (...args) => this.#inner.done(...args);
  release: MemoryIdempotency['release'] = (...args) => this.#inner.release(...args);
  abandon: MemoryIdempotency['abandon'] = (...args) => this.#inner.abandon(...args);
}

describe('commands from a topic', () => {
  test('are done: publish as it was written, broadcast, batch; each publication has a key of its own', async (t) => {
    const { published, send, counted } = await world(t);
    await send('{"method":"publish","params":{"channel":"plain:a","data":{"n":12345678901234567890}}}');
    await send({ method: 'broadcast', payload: { channels: ['plain:b', 'plain:c'], data: 1 } });
    await send({ method: 'publish', payload: JSON.stringify({ channel: 'plain:d', data: 2 }) });
    const two = {
      method: 'batch',
      params: {
        commands: [{ publish: { channel: 'plain:e', data: 3 } }, { publish: { channel: 'plain:e', data: 3 } }],
      },
    };
    await send(two);
    await send(publishing('plain:f', 4, { idempotency_key: 'mine' }));
    await published.waitForCount(7);
    const texts = published.items.map(({ channel, text }) => `${channel} ${text}`).sort();
    const expected = ['plain:a {"n":12345678901234567890}', 'plain:b 1', 'plain:c 1', 'plain:d 2'];
    assert.deepEqual(texts, [...expected, 'plain:e 3', 'plain:e 3', 'plain:f 4']);
    const keys = new Set(
      published.items.map(({ channel, properties }) => `${channel} ${properties.get(idempotencyKeyProperty)}`),
    );
    assert.equal(keys.size, 7);
    assert.ok(keys.has('plain:f mine'));
    while ((await counted('done')) < 5) await new Promise<void>((resolve) => setImmediate(resolve));
  });

  test('those that can not be done are dead letters, as they came, with the reason', async (t) => {
    const { published, dead, send, api } = await world(t, {}, { PHAROS_COMMANDS_SCOPES: 'publish' });
    // An alert takes the increase: the first is one only where there was a 0 before.
    const counted = await api.metrics.registry.getSingleMetricAsString('pharos_api_commands_total');
    assert.match(counted, /\{outcome="dead_letter"\} 0$/m);
    await send('no json', 'k');
    await send({ method: 'publishh', params: {} });
    await send(publishing('nowhere:a', 1));
    await send({ method: 'disconnect', params: { user: 'ann' } });
    await send({ method: 'broadcast', params: { channels: ['plain:a', 'nowhere:b'], data: 'half' } });
    await send({ method: 'rpc', params: { method: 'ping' } });
    await dead.waitForCount(6);
    await published.waitForCount(1);
    const reasons = dead.items.map(
      ({ properties }) => `${properties.get('pharos-error-code')} ${properties.get('pharos-reason')}`,
    );
    for (const [index, pattern] of [
      /^107 .*JSON/,
      /^104 /,
      /^102 .*namespace/,
      /^103 .*disconnect/,
      /^102 .*namespace/,
      /^108 .*HTTP/,
    ].entries()) {
      assert.ok(
        reasons.some((reason) => pattern.test(reason)),
        `${index}: ${reasons.join('\n')}`,
      );
    }
    const letter = dead.items.find(({ text }) => text === 'no json');
    assert.equal(letter?.channel, 'k');
    assert.equal(letter.properties.get('pharos-source-topic'), topic);
    assert.match(letter.properties.get('pharos-source-position') ?? '', /\d/);
    assert.ok(!api.log.join('').includes('half'));
  });

  test('their topic is opened at the start, and what it can not keep is told before there are any', async (t) => {
    const bus = new MemoryBus(new MemoryBroker());
    const openLog = bus.openLog.bind(bus);
    bus.openLog = async (spec) => {
      const log = await openLog(spec);
      const limitations = [`less than ${spec.keepMs} ms are kept`];
      return log.topic === `${topic}-dead-letter` ? Object.assign(log, { limitations }) : log;
    };
    const env = { PHAROS_COMMANDS_TOPIC: 'orders', PHAROS_COMMANDS_DEAD_LETTER_TTL: '36h' };
    const { log } = await startApi(t, { bus, env });
    const told = await eventually(() => log.find((line) => line.includes('dead letters of commands')), 'a warning');
    assert.match(told, /"level":(?:40|"warn").*orders-dead-letter.*less than 129600000 ms are kept/);
  });

  test('what fails for a while is tried again, in the order of its key, and at last is a dead letter', async (t) => {
    const idempotency = new Fickle();
    idempotency.failures = 3;
    const { published, dead, send } = await world(t, { idempotency }, { PHAROS_COMMANDS_MAX_ATTEMPTS: '5' });
    for (let n = 0; n < 5; n++) await send(publishing('plain:a', n), 'one key');
    await published.waitForCount(5);
    assert.deepEqual(
      published.items.map(({ text }) => text),
      ['0', '1', '2', '3', '4'],
    );
    assert.equal(dead.items.length, 0);
    idempotency.failures = Infinity;
    await send(publishing('plain:a', 'never'));
    await dead.waitForCount(1);
    assert.equal(dead.items[0]?.properties.get('pharos-attempts'), '5');
    assert.equal(dead.items[0].properties.get('pharos-error-code'), '100');
  });

  test('what one replica leaves when it drains the next one does, once', async (t) => {
    const broker = new MemoryBroker();
    const idempotency = new MemoryIdempotency();
    const first = await world(t, { broker, idempotency });
    for (let n = 0; n < 200; n++) await first.send(publishing('plain:a', n), `k${n % 7}`);
    await first.published.waitForCount(20);
    await first.api.service.drain();
    await first.api.stop();
    const second = await world(t, { broker, idempotency });
    await second.published.waitForCount(200);
    assert.equal(new Set(second.published.items.map(({ text }) => text)).size, 200);
    assert.equal(second.published.items.length, 200);
  });

  test('a topic needs Redis, where the keys are', () => {
    const env = { PHAROS_PULSAR_URL: 'pulsar://a', PHAROS_HTTP_API_KEY: 'k', PHAROS_COMMANDS_TOPIC: 'orders' };
    assert.throws(
      () => loadConfig(apiConfigSchema(), { env }),
      /redis\.url: .*expected a Redis beside commands\.topic/,
    );
  });

  test('commands and answers are read', () => {
    const decode = (text: string): string => {
      const { method, request } = decodeCommand(Buffer.from(text));
      return `${method} ${request.toString()}`;
    };
    assert.equal(decode('{"method":"info"}'), 'info {}');
    for (const bad of [
      '[]',
      '{"method":""}',
      '{"params":{}}',
      '{"method":"x","params":{},"payload":{}}',
      '{"method":"x","more":1}',
    ]) {
      assert.throws(() => decode(bad), /bad request/, bad);
    }
    const result = (parts: unknown): { result: string } => ({ result: JSON.stringify(parts) });
    const [gone, away] = [
      { error: { code: 102, message: 'unknown channel' } },
      { error: { code: 100, message: 'internal' } },
    ];
    assert.equal(failureOf('publish', result({})), undefined);
    assert.equal(failureOf('broadcast', result({ responses: [{ result: {} }] })), undefined);
    assert.equal(failureOf('broadcast', result({ responses: [gone, { result: {} }, away] }))?.retryable, true);
    assert.equal(failureOf('batch', result({ replies: [{ publish: {} }, gone] }))?.code, 102);
    assert.equal(failureOf('batch', result({ replies: [{ broadcast: { responses: [away] } }] }))?.code, 100);
  });
});
