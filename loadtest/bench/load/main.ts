import { inspect } from 'node:util';

import { unavailable } from '@pharos/testkit';

import { tell, writeDocument } from '../frame/command-line.ts';
import { machine, versions } from '../frame/machine.ts';
import { help, type LoadOptions, readLoadOptions } from './options.ts';
import { type LoadResult, runScenario } from './run.ts';
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

/** Runs the scenarios that the arguments name; resolves with the exit status: 1 where a gate is broken, 2 for a wrong argument. */
export async function main(args: readonly string[]): Promise<number> {
  let options: LoadOptions;
  try {
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
  return run(options, ['npm run load --', ...args].join(' '));
}

async function run(options: LoadOptions, command: string): Promise<number> {
  const results: (LoadResult | { readonly scenario: string; readonly passed: false; readonly failure: string })[] = [];
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
  writeDocument({ machine: machine(), versions: versions(), command, startedAt, results }, options.out);
  return results.every(({ passed }) => passed) ? 0 : 1;
}
