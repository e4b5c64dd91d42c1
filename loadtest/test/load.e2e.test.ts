// The short form of `npm run load`: scenarios against two edges on a real Pulsar and a real Redis, and gates that are broken.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';

import { spawnService, unavailable } from '@pharos/testkit';

import { inheritedOptions } from '../bench/frame/child.ts';
import { main } from '../bench/load/main.ts';
import { type LoadResult, runScenario } from '../bench/load/run.ts';
import type { Scenario, Size } from '../bench/load/scenario.ts';
import { churn } from '../bench/load/scenarios/churn.ts';
import { ramp } from '../bench/load/scenarios/ramp.ts';
import { rollout } from '../bench/load/scenarios/rollout.ts';
import { smoke } from '../bench/load/scenarios/smoke.ts';
import { spike } from '../bench/load/scenarios/spike.ts';
import { steady } from '../bench/load/scenarios/steady.ts';
import { storm } from '../bench/load/scenarios/storm.ts';
import { ownTarget, type Target } from '../bench/load/target.ts';

const skip = unavailable('pulsar') || unavailable('redis');
/** How fast it goes isn't what is tested on a machine that others use. */
const anyTime = ['delivery-p95', 'delivery-p99', 'acknowledge-p99', 'connect-p95', 'return-p99'];
const limits = new Map(anyTime.map((gate) => [gate, 600_000]));
const small: Partial<Size> = { clients: 80, channels: 4, perSecond: 20, seconds: 2 };

/** Of each edge, a second: a spike is refused in part; half of the clients of all else are fewer, even at once. */
const connectionRateLimit = 45;
const connectRate = 40;

const loadProgram = fileURLToPath(new URL('support/load-machine.ts', import.meta.url));

describe('load tests of a cluster of processes', { skip, timeout: 300_000 }, () => {
  let target: Target;
  let folder = '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pharos-load-'));
    target = await ownTarget({ drainMs: 1_000, edge: { client: { connection_rate_limit: connectionRateLimit } } });
  });

  after(async () => {
    await target.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (scenario: Scenario, size: Partial<Size>, progress: (line: string) => void): Promise<LoadResult> => {
    const options = { short: true, size, urls: [], metricsUrls: [], tokenFile: undefined, limits };
    const own = { prefix: `${scenario.name}-`, processes: scenario === steady ? 2 : 1, connectRate };
    return runScenario(scenario, { ...options, ...own }, progress, target);
  };

  for (const [scenario, size] of [
    [smoke, {}],
    [ramp, small],
    [steady, small],
    [storm, small],
    [spike, { ...small, clients: 400 }],
    [churn, { ...small, seconds: 3 }],
    [rollout, { ...small, seconds: 3 }],
  ] as const) {
    test(`${scenario.name}: its gates hold`, async (context) => {
      const { gates } = await run(scenario, size, (line) => context.diagnostic(line));
      assert.deepEqual(
        gates.filter(({ passed }) => !passed),
        [],
      );
    });
  }

  /** Machines of a run, each a process of its own; resolves with their documents, or with undefined where they were not ready in time. */
  const runTogether = async (aheadMs: number, ...args: string[]): Promise<string[] | undefined> => {
    const startAt = new Date(Date.now() + aheadMs).toISOString();
    const files = [0, 1].map((index) => join(folder, `machine-${index}.json`));
    const statuses = await Promise.all(
      files.map(async (file, at) => {
        const program = [...inheritedOptions(process.execArgv), loadProgram, ...args];
        const own = ['--machine', `${at}/2`, '--start-at', startAt, '--out', file];
        const machine = await spawnService(process.execPath, [...program, ...own]);
        return (await machine.exited).code;
      }),
    );
    if (statuses.every((status) => status === 0)) return files;
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    const isLate = texts.some((text) => text.includes('not ready at --start-at'));
    assert.ok(isLate, `they ended with ${statuses.join(' and ')}: ${texts.join('\n')}`);
    return undefined;
  };

  test('two machines load one cluster and are judged as one', async (context) => {
    const urls = target.urls.flatMap((url) => ['--url', url]);
    const args = ['smoke', '--short', ...urls, '--clients', '30'];
    // A machine that is busy starts them late, and they say so.
    const files =
      (await runTogether(4_000, ...args)) ??
      (await runTogether(20_000, ...args)) ??
      (await runTogether(60_000, ...args));
    assert.ok(files !== undefined);
    const out = join(folder, 'together.json');
    assert.equal(await main(['judge', ...files, '--limit', 'delivery-p99=600000', '--out', out]), 0);
    const { results } = JSON.parse(await readFile(out, 'utf8')) as { results: LoadResult[] };
    const [result] = results;
    const own = await Promise.all(
      files.map(async (file) => (JSON.parse(await readFile(file, 'utf8')) as { results: LoadResult[] }).results[0]),
    );
    context.diagnostic(JSON.stringify(own.map((one) => one?.counters)));
    assert.equal(result?.size.clients, 30);
    // In, and once more after they were cut.
    assert.ok((result.counters.in ?? 0) >= 60);
    assert.equal(
      result.counters.deliveries,
      own.reduce((sum, one) => sum + (one?.counters.deliveries ?? 0), 0),
    );
    assert.equal(await main(['judge', files[0] as string]), 2);
  });

  test('a broken gate makes the command fail, and its document says which', async () => {
    const out = join(folder, 'out.json');
    const urls = target.urls.flatMap((url) => ['--url', url]);
    const status = await main(['smoke', '--short', ...urls, '--limit', 'delivery-p99=-1', '--out', out]);
    assert.equal(status, 1);
    const { results } = JSON.parse(await readFile(out, 'utf8')) as { results: LoadResult[] };
    const broken = results.flatMap(({ gates }) => gates.filter(({ passed }) => !passed));
    assert.ok(broken.some(({ gate, samples }) => gate === 'delivery-p99' && samples > 0));
    assert.ok(
      broken.every(({ gate }) => anyTime.includes(gate)),
      JSON.stringify(broken),
    );
  });
});
