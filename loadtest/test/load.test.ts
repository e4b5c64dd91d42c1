import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';

import { chaosScenarios } from '../bench/chaos/main.ts';
import { readChaosOptions } from '../bench/chaos/options.ts';
import { chance } from '../bench/hostile/attack.ts';
import { Sequence } from '../bench/load/clients/sequence.ts';
import { growthOf, type Point } from '../bench/load/measure/growth.ts';
import { judge } from '../bench/load/measure/gate.ts';
import { Histogram } from '../bench/load/measure/histogram.ts';
import { memoryGrowth } from '../bench/load/measure/memory.ts';
import { Tally } from '../bench/load/measure/tally.ts';
import { loadScenarios } from '../bench/load/main.ts';
import { readJudgeOptions, readLoadOptions } from '../bench/load/options.ts';
import type { Size } from '../bench/load/scenario.ts';
import { descriptorsLeft } from '../bench/load/scenarios/soak.ts';
import { givenTarget } from '../bench/load/target.ts';
import { figures } from '../bench/main.ts';
import { readOptions } from '../bench/options.ts';

const noLimits: ReadonlyMap<string, number> = new Map();

/** What is counted of numbers that come in this order, when the first is to be 1. */
function countsOf(numbers: readonly number[], unknown: readonly number[] = []): number[] {
  const tally = new Tally();
  const sequence = new Sequence(0);
  for (const number of numbers) sequence.take(number, tally);
  sequence.excuse(unknown, tally);
  const { gaps, twice, disordered } = tally.counters;
  return [gaps, twice, disordered, sequence.behind(5)];
}

/** What is asked of one of several machines, and what it is told. */
const machineFaults = (
  [
    ['smoke', '2/2', [], /--machine must be .* not '2\/2'/],
    ['breakpoint', '0/2', [], /breakpoint is for one machine only/],
    ['smoke', '0/2', ['--start-at', 'noon'], /--start-at must be a moment .* not 'noon'/],
    ['smoke', '0/2', ['--start-at', '2026-12-01T12:00:00'], /--start-at must be a moment with its time zone/],
    ['smoke', '0/2', ['--limit', 'gaps=1'], /--limit: give it to judge/],
    ['smoke', '0/5', [], /--channels is of all machines, and 4 are too few for 5/],
  ] as const
).map(
  ([scenario, machine, more, message]) =>
    [
      [scenario, '--url', 'ws://a', '--start-at', '2026-12-01T12:00:00Z', '--machine', machine, ...more],
      message,
    ] as const,
);

describe('load tests', () => {
  test('descriptors are left over only where they stay after the connections are gone', async (context) => {
    const pages = [
      [3, 240],
      [0, 240],
      [0, 41],
    ];
    const server = createServer((_request, response) => {
      const [connections, descriptors] = (pages.length > 1 ? pages.shift() : pages[0]) ?? [];
      response.end(
        `nodejs_heap_size_used_bytes 1\nnodejs_external_memory_bytes 1\nprocess_resident_memory_bytes 1\nprocess_open_fds ${descriptors}\npharos_edge_connections ${connections}\n`,
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    context.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const target = givenTarget([], [`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`]);
    assert.equal(await descriptorsLeft(target, 40), 1);
    assert.equal(await descriptorsLeft(target, 1, 0), 40);
  });

  test('a sequence counts what is passed over, comes twice or too late, and what is yet to come', () => {
    assert.deepEqual(countsOf([1, 2, 3, 4, 5]), [0, 0, 0, 0]);
    assert.deepEqual(countsOf([2, 5]), [3, 0, 0, 0]);
    assert.deepEqual(countsOf([1, 2, 2, 1]), [0, 2, 0, 3]);
    assert.deepEqual(countsOf([1, 3, 2]), [0, 0, 1, 2]);
    assert.deepEqual(countsOf([1, 4, 5], [3]), [1, 0, 0, 0]);
  });

  test('who was told that it was not recovered has no gap, but what came before must not come again', () => {
    const tally = new Tally();
    const sequence = new Sequence(0);
    sequence.take(1, tally);
    sequence.told();
    assert.equal(sequence.behind(9), 0);
    for (const number of [7, 8, 8]) sequence.take(number, tally);
    assert.deepEqual([tally.counters.gaps, tally.counters.twice, sequence.behind(9)], [0, 1, 1]);
  });

  test('durations of several processes are added up; quantiles are exact to 4 %', () => {
    const parts = [new Histogram(), new Histogram()];
    for (let ms = 1; ms <= 1_000; ms++) parts[ms % 2]?.add(ms);
    const all = new Histogram();
    for (const part of parts) all.merge(JSON.parse(JSON.stringify(part)) as ReturnType<Histogram['toJSON']>);
    assert.equal(all.count, 1_000);
    assert.equal(all.max, 1_000);
    for (const [q, exact] of [
      [0.5, 500],
      [0.95, 950],
      [0.99, 990],
      [1, 1_000],
    ] as const) {
      const value = all.quantile(q);
      assert.ok(value >= exact && value <= exact * 1.04, `${q}: ${value}`);
    }
    assert.equal(new Histogram().quantile(0.99), 0);
  });

  test('nothing measured passes no gate of any scenario', () => {
    for (const { name, gates, sizes } of loadScenarios) {
      const nothing = { tally: new Tally(), figures: {} };
      for (const size of Object.values(sizes)) {
        for (const { gate, passed } of judge(gates, nothing, size, noLimits)) assert.ok(!passed, `${name}: ${gate}`);
      }
      assert.equal(new Set(gates.map(({ id }) => id)).size, gates.length, name);
    }
  });

  test('a slope is that of the line through the points, and says how sure it is', () => {
    const line = growthOf([0, 1, 2, 3, 4].map((at) => ({ at, value: 5 + 2 * at })));
    assert.deepEqual(line, { slope: 2, least: 2, most: 2 });
    for (const few of [[], [{ at: 1, value: 7 }], [0, 1, 2].map((at) => ({ at, value: at }))])
      assert.equal(growthOf(few).most, Number.POSITIVE_INFINITY);
    // The slope 2 with the residuals 1, −2, 1, 1, −2, 1: Student's 97.5 % quantile of 4 degrees of freedom is 2.776.
    const rough = growthOf([1, -2, 1, 1, -2, 1].map((rest, at) => ({ at, value: 2 * at + rest })));
    assert.ok(Math.abs(rough.most - 2 - 2.776 * Math.sqrt(12 / 4 / 17.5)) < 0.01, String(rough.most));
  });

  test('soak lets no leak of a megabyte a minute through, and takes no collection of garbage for one', () => {
    const soak = loadScenarios.find(({ name }) => name === 'soak');
    assert.ok(soak !== undefined);
    const passes = (size: Size, points: readonly Point[], isCollected: boolean): boolean => {
      const { most, samples } = memoryGrowth(points, isCollected);
      const measured = { tally: new Tally(), figures: { heapGrowth: most, memorySamples: samples } };
      return judge(soak.gates, measured, size, noLimits).some(({ gate, passed }) => gate === 'heapGrowth' && passed);
    };
    const megabyte = 1e6 / 2 ** 20;
    for (let seed = 1; seed <= 40; seed++) {
      const numbers = chance(seed);
      const random = (): number => numbers(1_000) / 1_000;
      const noise = (mebibytes: number): number => (random() + random() + random() - 1.5) * 2 * mebibytes;
      const series = (size: Size, everySeconds: number, valueAt: (minutes: number) => number): Point[] =>
        Array.from({ length: Math.floor(size.seconds / everySeconds) }, (_value, index) => {
          const at = ((index + 1) * everySeconds) / 60;
          return { at, value: valueAt(at) };
        });
      const { full, short } = soak.sizes;
      // What is left after a collection: it grows while code is compiled, and is uncertain by a quarter of a MiB (seen).
      const left = (at: number): number => 100 - 3 * Math.exp(-at / 0.7) + noise(0.25);
      // What is there without one: collections come every 30 to 60 s, and leave what was kept meanwhile.
      const period = 0.5 + random() / 2;
      const sawtooth = (at: number): number => left(at) + (((at + period * seed) % period) / period) * 20;
      const leaking = (of: (at: number) => number) => (at: number) => of(at) + megabyte * at;
      const told = `seed ${seed}`;
      for (const [size, every] of [
        [short, 5],
        [full, 20],
      ] as const) {
        assert.ok(passes(size, series(size, every, left), true), told);
        assert.ok(!passes(size, series(size, every, leaking(left)), true), told);
      }
      assert.ok(passes(full, series(full, 1, sawtooth), false), told);
      assert.ok(!passes(full, series(full, 1, leaking(sawtooth)), false), told);
      // A few minutes of it say nothing, whatever the slope happens to be.
      assert.ok(!passes(short, series(short, 1, leaking(sawtooth)), false), told);
    }
  });

  test('options: every mistake is named', () => {
    const read = (...args: string[]): ReturnType<typeof readLoadOptions> => readLoadOptions(args, loadScenarios);
    const options = read(
      'steady',
      '--clients',
      '7',
      '--limit',
      'delivery-p99=20',
      '--url',
      'wss://a/connection/websocket',
    );
    assert.deepEqual(options.size, { clients: 7 });
    assert.deepEqual([...options.limits], [['delivery-p99', 20]]);
    for (const [args, message] of [
      [[], /name a scenario/],
      [['stedy'], /no scenario 'stedy'/],
      [['steady', '--clients', '0'], /--clients must be a whole number from 1 on, not '0'/],
      [['steady', '--url', 'http://a'], /--url must be a URL that begins with ws/],
      [['steady', '--metrics', 'http://a'], /--metrics belongs to --url/],
      [['steady', '--limit', 'delivery-p9=1'], /no gate 'delivery-p9'/],
      [['steady', '--limit', 'delivery-p99='], /must be a number/],
      [['steady', '--start-at', '2026-12-01T12:00:00Z'], /--start-at belongs to --machine/],
      ...machineFaults,
    ] as const) {
      assert.throws(() => read(...args), message);
    }
  });
});

/** How the commands of documents are read, by the name of the script. */
const readers: Readonly<Record<string, (args: readonly string[]) => unknown>> = {
  bench: (args) =>
    readOptions(
      args,
      figures.map(({ id }) => id),
    ),
  chaos: (args) => readChaosOptions(args, chaosScenarios),
  load: ([first, ...others]) =>
    first === 'judge'
      ? readJudgeOptions(others, loadScenarios)
      : readLoadOptions([first ?? '', ...others], loadScenarios),
};

test('every figure, scenario and option that documents name is one', () => {
  const root = new URL('../../', import.meta.url);
  const docs = readdirSync(new URL('docs/', root)).filter((name) => name.endsWith('.md'));
  const files = ['README.md', 'loadtest/README.md', ...docs.map((name) => `docs/${name}`)];
  const commands = files.flatMap((file) => [
    ...readFileSync(new URL(file, root), 'utf8').matchAll(/npm run (bench|chaos|load) -- ([^`#\n]+)/g),
  ]);
  assert.ok(commands.length > 10);
  for (const [command, script = '', args = ''] of commands)
    assert.doesNotThrow(() => readers[script]?.(args.trim().split(/ +/)), command);
});
