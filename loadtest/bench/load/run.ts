import { readFileSync } from 'node:fs';

import { LoadFleet } from './load-fleet.ts';
import type { RawMeasured } from './machines/part.ts';
import { prefixOf, shareOf } from './machines/share.ts';
import { untilStart } from './machines/start-at.ts';
import { judge, type Judgement, type Measured } from './measure/gate.ts';
import { durationNames, type Tally } from './measure/tally.ts';
import type { LoadOptions } from './options.ts';
import type { Scenario, Size } from './scenario.ts';
import { givenTarget, ownTarget, type Target } from './target.ts';

/** What came of a scenario. */
export interface LoadResult {
  readonly scenario: string;
  readonly size: Size;
  readonly seconds: number;
  readonly passed: boolean;
  readonly gates: readonly Judgement[];
  readonly figures: Readonly<Record<string, number>>;
  readonly counters: Readonly<Record<string, number>>;
  /** Milliseconds. */
  readonly durations: Readonly<Record<string, Quantiles>>;
  readonly closeCodes: Readonly<Record<string, number>>;
  readonly refusals: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  /** Of one of several machines: the size of all of them, and what it has counted, to be added up. */
  readonly whole?: Size;
  readonly raw?: RawMeasured;
}

interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Beyond it the generator's own event loop may be what is slow. */
const busyShare = 0.9;

type RunOptions = Pick<LoadOptions, 'short' | 'size' | 'urls' | 'metricsUrls' | 'tokenFile' | 'limits'> &
  Pick<LoadOptions, 'prefix' | 'processes' | 'connectRate'> &
  Partial<Pick<LoadOptions, 'machine' | 'startAtMs'>>;

/** Runs a scenario; starts a cluster for it, where none is given. @throws Error where it could not be run to its end */
export async function runScenario(
  scenario: Scenario,
  options: RunOptions,
  progress: (line: string) => void,
  given?: Target,
): Promise<LoadResult> {
  const { machine, startAtMs, limits } = options;
  const whole = { ...scenario.sizes[options.short ? 'short' : 'full'], ...options.size };
  const size = machine === undefined ? whole : shareOf(whole, machine);
  let begin = performance.now();
  const target = given ?? (await targetFor(scenario, options));
  try {
    const measured = await withFleet(options, target, async (fleet) => {
      // All processes of this machine are there by now.
      if (startAtMs !== undefined) await untilStart(startAtMs, progress);
      begin = performance.now();
      return scenario.run({ size, target, fleet, machines: machine?.of ?? 1, progress });
    });
    const seconds = Math.round((performance.now() - begin) / 1_000);
    const result = resultOf(scenario, { size, seconds, measured, limits }, progress);
    if (machine === undefined) return result;
    const { tally, figures } = measured;
    return { ...result, whole, raw: { tally: tally.toJSON(), figures } };
  } finally {
    if (given === undefined) await target.stop();
  }
}

/** Holds what was measured against the gates. */
export function resultOf(
  scenario: Scenario,
  run: Pick<LoadResult, 'size' | 'seconds'> & Pick<RunOptions, 'limits'> & { readonly measured: Measured },
  progress: (line: string) => void,
): LoadResult {
  const { size, seconds, measured, limits } = run;
  const gates = judge(scenario.gates, measured, size, limits);
  for (const one of gates) progress(describe(one));
  const passed = gates.every((gate) => gate.passed);
  return { scenario: scenario.name, size, seconds, passed, gates, ...summed(measured) };
}

function targetFor(scenario: Scenario, { urls, metricsUrls }: RunOptions): Target | Promise<Target> {
  return urls.length > 0 ? givenTarget(urls, metricsUrls) : ownTarget(scenario.cluster);
}

async function withFleet(
  { tokenFile, prefix, processes, connectRate, machine }: RunOptions,
  { urls }: Target,
  work: (fleet: LoadFleet) => Promise<Measured>,
): Promise<Measured> {
  const fleet = await LoadFleet.start({
    urls,
    tokens: tokensIn(tokenFile),
    prefix: machine === undefined ? prefix : prefixOf(prefix, machine),
    processes,
    connectRate: connectRate / (machine?.of ?? 1),
  });
  try {
    return await work(fleet);
  } finally {
    await fleet.stop();
  }
}

/** @throws RangeError where there are none */
function tokensIn(file: string | undefined): string[] {
  if (file === undefined) return [];
  const tokens = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (tokens.length === 0) throw new RangeError(`--token-file: ${file} holds no token`);
  return tokens;
}

function summed({
  tally,
  figures,
}: Measured): Omit<LoadResult, 'scenario' | 'size' | 'seconds' | 'passed' | 'gates' | 'whole' | 'raw'> {
  const { generatorBusy = 0 } = figures;
  const notes =
    generatorBusy > busyShare
      ? [
          `the generator's event loop was in use to ${Math.round(generatorBusy * 100)} %: its times are worse than the server's`,
        ]
      : [];
  return {
    figures: Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value)])),
    counters: Object.fromEntries(Object.entries(tally.counters).filter(([, count]) => count !== 0)),
    durations: durationsOf(tally),
    closeCodes: tally.closeCodes,
    refusals: tally.refusals,
    notes,
  };
}

function durationsOf({ durations }: Tally): Record<string, Quantiles> {
  const measured = durationNames.filter((name) => durations[name].count > 0);
  return Object.fromEntries(
    measured.map((name) => {
      const all = durations[name];
      const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => rounded(all.quantile(q))) as [number, number, number];
      return [name, { count: all.count, p50, p95, p99, max: rounded(all.max) }];
    }),
  );
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function describe({ gate, value, unit, limit, samples, leastSamples, passed }: Judgement): string {
  const enough = samples >= leastSamples ? '' : `, BUT only ${samples} samples of ${leastSamples}`;
  return `${passed ? 'ok    ' : 'BROKEN'} ${gate}: ${value} ${unit}, ${limit}${enough}`;
}
