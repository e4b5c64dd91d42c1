// The short form of `npm run load`: scenarios against two edges on a real Pulsar and a real Redis, and gates that are broken.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { unavailable } from '@pharos/testkit';

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
