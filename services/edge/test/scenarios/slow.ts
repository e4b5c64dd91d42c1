import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { eventually } from '@pharos/testkit';
import type { TestEdge } from '../support/edge.ts';
import { metric, untilIdle, untilMetric } from '../support/metrics.ts';
import { RawClient } from '../support/raw-client.ts';
import { type Outsider, startEdge, startOutsider, type World } from '../support/world.ts';

const messageBytes = 16 * 1024;
const burstBytes = 32 * 1024 * 1024;
const burst = burstBytes / messageBytes;
const limitBytes = 1024 * 1024;
const filler = 'x'.repeat(messageBytes - 9);
/** Where clients are to keep up, at most twice as many are on their way: half of what they may have waiting. */
const window = 16;

const env = {
  PHAROS_CLIENT_QUEUE_MAX_SIZE: String(limitBytes),
  // These clients answer no pings, which would end them where a busy machine takes longer than the time for that.
  PHAROS_CLIENT_PING_INTERVAL: '600s',
  PHAROS_CLIENT_PONG_TIMEOUT: '600s',
};

/** Reads numbered messages and holds them to their order; keeps only how many came. */
class Reader {
  readonly client: RawClient;
  readonly #numbers: Numbers;

  private constructor(client: RawClient, numbers: Numbers) {
    this.client = client;
    this.#numbers = numbers;
  }

  static async open(t: TestContext, edge: TestEdge, kind: 'text' | 'json'): Promise<Reader> {
    const numbers = new Numbers(kind);
    const path = kind === 'text' ? '/' : '/connection/websocket';
    const client = await RawClient.open(t, edge.port, path, (frame) => numbers.take(frame));
    if (kind === 'json') client.sendText('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"chat"}}');
    return new Reader(client, numbers);
  }

  get count(): number {
    return this.#numbers.count;
  }

  /** Everything from the first on, without a hole, up to where it ended. */
  check(): void {
    assert.equal(this.#numbers.broken, '');
  }
}

class Numbers {
  count = 0;
  broken = '';
  readonly #kind: 'text' | 'json';

  constructor(kind: 'text' | 'json') {
    this.#kind = kind;
  }

  take(frame: string): void {
    if (this.#kind === 'text') return this.#number(frame);
    for (const line of frame.split('\n')) {
      const { push } = JSON.parse(line) as { push?: { pub?: { data: string } } };
      if (push?.pub !== undefined) this.#number(push.pub.data);
    }
  }

  #number(text: string): void {
    const number = Number(text.slice(0, 8));
    if (number !== this.count && this.broken === '') this.broken = `${number} came after ${this.count - 1}`;
    this.count++;
  }
}

function message(number: number): string {
  return `${String(number).padStart(8, '0')} ${filler}`;
}

async function publishBurst(outsider: Outsider, keepUp: readonly Reader[], count = burst): Promise<void> {
  const underWay = new Set<Promise<void>>();
  for (let number = 0; number < count; number++) {
    const appended = outsider.append('chat', message(number)).finally(() => underWay.delete(appended));
    underWay.add(appended);
    if (number % window === window - 1) {
      await Promise.all(underWay);
      await eventually(
        () => (keepUp.every((reader) => reader.count >= number - window) ? true : undefined),
        'the readers to keep up',
      );
    }
  }
  await Promise.all(underWay);
}

async function open(t: TestContext, edge: TestEdge, each: number): Promise<Reader[]> {
  const readers: Reader[] = [];
  for (let index = 0; index < each; index++) {
    readers.push(await Reader.open(t, edge, 'text'), await Reader.open(t, edge, 'json'));
  }
  await untilMetric(edge, 'pharos_edge_subscriptions', await metric(edge, 'pharos_edge_connections'));
  return readers;
}

/** Clients that read slower than they are sent to. */
export function slowScenarios(makeWorld: () => World, socket: 'uws' | 'ws'): void {
  test('stopped readers: the others get all, memory stays bounded, they read on up to the close 3008', async (t) => {
    const world = makeWorld();
    // What was ended may wait for as long as the burst takes, until it is read on.
    const edge = await startEdge(t, world, { socket, env, closeTimeoutMs: 600_000 });
    const outsider = await startOutsider(t, world);
    const readers = await open(t, edge, 2);
    const stopped = await open(t, edge, 4);
    for (const { client } of stopped) client.stopReading();
    const before = process.memoryUsage();
    let grownBytes = 0;
    const watch = setInterval(() => {
      const { rss } = process.memoryUsage();
      grownBytes = Math.max(grownBytes, rss - before.rss);
    }, 5);
    // Also where the test fails: the process would never end.
    t.after(() => clearInterval(watch));
    await publishBurst(outsider, readers);
    clearInterval(watch);
    for (const reader of readers) {
      await eventually(() => (reader.count >= burst ? true : undefined), 'the whole burst');
      reader.check();
    }
    // Without the limit, each of them would have the whole burst waiting for it.
    const unboundedBytes = stopped.length * burstBytes;
    assert.ok(grownBytes < unboundedBytes * 0.6, `${grownBytes} bytes more, ${unboundedBytes} without a limit`);
    await untilMetric(edge, 'pharos_edge_connections', readers.length);
    assert.equal(await metric(edge, 'pharos_edge_slow_connections_total'), stopped.length);
    assert.equal(await metric(edge, 'pharos_edge_connections_closed_total', { code: '3008' }), stopped.length);

    for (const reader of stopped) {
      reader.client.readOn();
      assert.equal(await reader.client.ended(), 3008);
      reader.check();
      assert.ok(reader.count > 0 && reader.count < burst);
    }
  });

  test('a stopped reader that stays so is dropped, and what waited for it is given back', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket, env, closeTimeoutMs: 300 });
    const outsider = await startOutsider(t, world);
    const stopped = await open(t, edge, 1);
    for (const { client } of stopped) client.stopReading();
    await publishBurst(outsider, [], burst / 4);
    await untilIdle(edge);
    for (const { client } of stopped) {
      // It reads nothing, so that only an answer to what it writes can tell it.
      const dropped = (): true | undefined => {
        client.ping();
        return client.tcp.destroyed ? true : undefined;
      };
      await eventually(dropped, 'the drop');
      assert.equal(await client.ended(), undefined);
    }
  });

  test('a burst without any pace: each client has everything in order, up to its close at least', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket, env });
    const outsider = await startOutsider(t, world);
    const readers = await open(t, edge, 2);
    const sluggish = readers[0] as Reader;
    // Reads a little now and then.
    let reads = false;
    const stutter = setInterval(() => {
      reads = !reads;
      if (reads) sluggish.client.readOn();
      else sluggish.client.stopReading();
    }, 10);
    t.after(() => clearInterval(stutter));
    await publishBurst(outsider, []);
    clearInterval(stutter);
    sluggish.client.readOn();
    for (const reader of readers) {
      const isOver = (): boolean => reader.count >= burst || reader.client.tcp.destroyed;
      await eventually(() => (isOver() ? true : undefined), 'the whole burst or the end');
      reader.check();
      if (reader.count < burst) assert.equal(await reader.client.ended(), 3008);
    }
  });
}
