import { inspect } from 'node:util';

import { unavailable } from '@pharos/testkit';

import { tell, writeDocument } from '../frame/command-line.ts';
import { machine, versions } from '../frame/machine.ts';
import { type Part, partFormat, readPart } from './machines/part.ts';
import { together } from './machines/together.ts';
import { help, type JudgeOptions, type LoadOptions, readJudgeOptions, readLoadOptions } from './options.ts';
import { type LoadResult, resultOf, runScenario } from './run.ts';
import type { Scenario } from './scenario.ts';
import { breakpoint } from './scenarios/breakpoint.ts';
import { churn } from './scenarios/churn.ts';
import { ramp } from './scenarios/ramp.ts';
import { rollout } from './scenarios/rollout.ts';
import { slow } from './scenarios/slow.ts';
import { smoke } from './scenarios/smoke.ts';
import { soak } from './scenarios/soak.ts';
import { spike } from './scenarios/spike.ts';
import { steady } from './scenarios/steady.ts';
import { storm } from './scenarios/storm.ts';

export const loadScenarios: readonly Scenario[] = [
  smoke,
  ramp,
  steady,
  storm,
  rollout,
  spike,
  soak,
  churn,
  breakpoint,
  slow,
];

/**
 * Runs the scenarios that the arguments name; resolves with the exit status: 1 where a gate is broken, 2 for a wrong argument. One of several
 * machines breaks no gate: its status is 1 where it did not come to its end.
 */
export async function main(args: readonly string[]): Promise<number> {
  const [first, ...others] = args;
  let options: LoadOptions;
  try {
    if (first === 'judge') return judgeTogether(readJudgeOptions(others, loadScenarios), commandOf(args));
    options = readLoadOptions(args, loadScenarios);
  } catch (error) {
    tell(`${error instanceof Error ? error.message : String(error)}\n\n${help(loadScenarios)}`);
    return 2;
  }
  if (options.help) {
    tell(help(loadScenarios));
    return 0;
  }
  for (const tool of options.urls.length > 0 ? [] : (['pulsar', 'redis'] as const)) {
    const missing = unavailable(tool);
    if (missing === false) continue;
    tell(`a cluster of its own ${missing}; or name one by --url`);
    return 2;
  }
  return run(options, commandOf(args));
}

interface Failed {
  readonly scenario: string;
  readonly passed: false;
  readonly failure: string;
}

function commandOf(args: readonly string[]): string {
  return ['npm run load --', ...args].join(' ');
}

async function run(options: LoadOptions, command: string): Promise<number> {
  const results: (LoadResult | Failed)[] = [];
  const startedAt = new Date().toISOString();
  for (const scenario of options.scenarios) {
    const { name } = scenario;
    tell(`${name}: ${scenario.title}`);
    try {
      results.push(await runScenario(scenario, options, (line) => tell(`${name}: ${line}`)));
    } catch (error) {
      // With its cause.
      const failure = inspect(error);
      results.push({ scenario: name, passed: false, failure });
      tell(`${name}: FAILED: ${failure}`);
    }
  }
  const document = { machine: machine(), versions: versions(), command, startedAt };
  const part = partOf(options);
  if (part === undefined) writeDocument({ ...document, results }, options.out);
  // One line, that can be told from others around it.
  else writeDocument({ ...document, part, results }, options.out, 0);
  const isOver = (result: LoadResult | Failed): boolean =>
    part === undefined ? result.passed : !('failure' in result);
  return results.every(isOver) ? 0 : 1;
}

function partOf({ machine, startAtMs, prefix }: LoadOptions): Part | undefined {
  if (machine === undefined || startAtMs === undefined) return undefined;
  return { format: partFormat, ...machine, startAt: new Date(startAtMs).toISOString(), prefix };
}

/** What all machines of a run saw, held against the gates. */
function judgeTogether({ files, limits, out }: JudgeOptions, command: string): number {
  const startedAt = new Date().toISOString();
  let result: LoadResult;
  let machines: readonly object[];
  try {
    const parts = files.map(readPart);
    machines = parts.map(({ machine, part }) => ({ ...machine, index: part.index }));
    const { scenario, ...all } = together(parts, loadScenarios);
    result = resultOf(scenario, { ...all, limits }, (line) => tell(`${scenario.name}: ${line}`));
  } catch (error) {
    tell(`judge: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof RangeError ? 2 : 1;
  }
  writeDocument({ machines, versions: versions(), command, startedAt, results: [result] }, out);
  return result.passed ? 0 : 1;
}
