import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryBroker, MemoryBus } from '@pharos/bus';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import type { Counter } from '@pharos/telemetry';
import { WebSocket } from 'ws';
import { startTestEdge, type TestEdge } from './support/edge.ts';

const clients = 2_000;
const drainMs = 2_000;
const waveMs = 100;
const perWave = (clients * waveMs) / drainMs;
const channel = 'room';
const waitMs = 120_000;

/** As an SDK does it: subscribes with its position, counts what it gets, and goes to the other edge when it is told to. */
class Client {
  readonly codes: number[] = [];
  readonly numbers: number[] = [];
  readonly moved = new Deferred();
  readonly ended = new Deferred();
  #edges: readonly [TestEdge, TestEdge];
  #at = 0;
  #offset: number | undefined;
  #epoch = '';
  #ws: WebSocket | undefined;
  #onMoved: () => void;
  #last: number;

  constructor(edges: readonly [TestEdge, TestEdge], last: number, onMoved: () => void) {
    this.#edges = edges;
    this.#last = last;
    this.#onMoved = onMoved;
  }

  /** Resolves when it is subscribed. */
  async connect(): Promise<void> {
    const subscribed = new Deferred();
    const ws = new WebSocket((this.#edges[this.#at] as TestEdge).webSocketUrl, { perMessageDeflate: false });
    this.#ws = ws;
    ws.on('open', () => {
      const position = this.#offset === undefined ? {} : { recover: true, offset: this.#offset, epoch: this.#epoch };
      const subscribe = { channel, recoverable: true, ...position };
      ws.send(`{"id":1,"connect":{}}\n${JSON.stringify({ id: 2, subscribe })}`);
    });
    ws.on('message', (data: Buffer) => {
      for (const line of data.toString().split('\n')) {
        // A ping.
        if (line === '{}') ws.send(line);
        else this.#take(JSON.parse(line) as Message, subscribed);
      }
    });
    ws.on('error', (error) => subscribed.reject(error));
    ws.on('close', (code) => this.#closed(code));
    await subscribed.promise;
  }

  end(): void {
    this.#ws?.terminate();
  }

  #take({ push, subscribe, error }: Message, subscribed: Deferred): void {
    if (error !== undefined) throw new Error(`error ${error.code}`);
    if (subscribe !== undefined) {
      if (this.#offset !== undefined) assert.equal(subscribe.recovered, true);
      this.#epoch = subscribe.epoch;
      for (const publication of subscribe.publications ?? []) this.#count(publication);
      this.#offset = Math.max(this.#offset ?? 0, subscribe.offset ?? 0);
      subscribed.resolve();
    }
    if (push?.pub !== undefined) this.#count(push.pub);
  }

  #count({ data, offset }: Publication): void {
    this.numbers.push(data);
    this.#offset = offset;
    if (data === this.#last) this.ended.resolve();
  }

  #closed(code: number): void {
    this.codes.push(code);
    if (this.#at === 1 || code !== 3001) return;
    this.#at = 1;
    this.#onMoved();
    this.connect().then(() => this.moved.resolve(), this.moved.reject);
  }
}

interface Publication {
  readonly data: number;
  readonly offset: number;
}

interface Message {
  readonly push?: { readonly pub?: Publication };
  readonly subscribe?: {
    readonly recovered?: boolean;
    readonly epoch: string;
    readonly offset?: number;
    readonly publications?: readonly Publication[];
  };
  readonly error?: { readonly code: number };
}

describe('a drain of one of two edges', () => {
  test(`${clients} clients are moved in even waves, all with 3001, and lose nothing`, {
    timeout: 300_000,
  }, async (t) => {
    const broker = new MemoryBroker();
    const env = {
      PHAROS_CHAT_PAGE: 'false',
      PHAROS_CHAT_ENABLED: 'false',
      PHAROS_DRAIN_TIMEOUT: `${drainMs}ms`,
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '1000',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL: '1h',
    };
    const edges = [
      await startTestEdge({ bus: new MemoryBus(broker), env }),
      await startTestEdge({ bus: new MemoryBus(broker), env }),
    ] as const;
    const bus = new MemoryBus(broker);
    const log = await bus.openLog({ topic: 'persistent://public/default/chat' });
    const before = 10;
    const during = 40;
    const last = before + during + 10;
    const moves: number[] = [];
    const all = Array.from({ length: clients }, (_, index) => new Client(edges, last, () => moves.push(index)));
    t.after(async () => {
      for (const client of all) client.end();
      await Promise.all(edges.map((edge) => edge.stop()));
      await bus.close();
    });
    for (let from = 0; from < clients; from += 100) {
      await Promise.all(all.slice(from, from + 100).map((client) => client.connect()));
    }
    let number = 0;
    const publish = async (count: number): Promise<void> => {
      for (let times = 0; times < count; times++) {
        number++;
        await log.append({ channel, data: Buffer.from(String(number)) }, 10_000);
      }
    };
    await publish(before);

    // A wave is closed in one turn of the event loop: what is counted until its end is one wave.
    const waves: number[] = [];
    let inThisTurn = 0;
    const published: Promise<void>[] = [];
    const counter = edges[0].metrics.registry.getSingleMetric(
      'pharos_edge_connections_closed_total',
    ) as Counter<string>;
    t.mock.method(counter, 'inc', ({ code }: { code: string }) => {
      assert.equal(code, '3001');
      if (inThisTurn++ > 0) return;
      setImmediate(() => {
        waves.push(inThisTurn);
        inThisTurn = 0;
        // There is something to miss between any two waves.
        published.push(publish(2));
      });
    });
    await edges[0].edge.drain();
    await Promise.all(published);
    await withDeadline(Promise.all(all.map((client) => client.moved.promise)), waitMs, 'the moves');
    await publish(last - number);
    await withDeadline(Promise.all(all.map((client) => client.ended.promise)), waitMs, 'the last publication');

    assert.deepEqual(
      waves,
      Array.from({ length: clients / perWave }, () => perWave),
    );
    assert.equal(new Set(moves).size, clients);
    assert.equal(moves.length, clients);
    const expected = Array.from({ length: last }, (_, index) => index + 1);
    for (const client of all) {
      assert.deepEqual(client.codes, [3001]);
      assert.deepEqual(client.numbers, expected);
    }
    const opened = await edges[1].metrics.registry.getSingleMetric('pharos_edge_connections_opened_total')?.get();
    assert.equal(opened?.values[0]?.value, clients);
  });
});
