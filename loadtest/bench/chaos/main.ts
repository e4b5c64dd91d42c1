import { inspect } from 'node:util';

import { unavailable } from '@pharos/testkit';

import { tell, writeDocument } from '../frame/command-line.ts';
import { machine, versions } from '../frame/machine.ts';
import { type ChaosOptions, help, readChaosOptions } from './options.ts';
import type { Scenario, ScenarioFigures } from './scenario.ts';
import { hostile } from './scenarios/hostile.ts';
import { kill } from './scenarios/kill.ts';
import { members } from './scenarios/members.ts';
import { pause } from './scenarios/pause.ts';
import { redisFlush, redisGone } from './scenarios/redis.ts';
import { rolling } from './scenarios/rolling.ts';
import { stormBusy, stormQuiet } from './scenarios/storm.ts';

export const chaosScenarios: readonly Scenario[] = [
  kill,
  rolling,
  pause,
  redisGone,
  redisFlush,
  stormBusy,
  stormQuiet,
  members,
  hostile,
];

/** Runs the scenarios that the arguments name; resolves with the exit status: 1 where the checker found something. */
export async function main(args: readonly string[]): Promise<number> {
  let options: ChaosOptions;
  try {
    options = readChaosOptions(args, chaosScenarios);
  } catch (error) {
    tell(`${error instanceof Error ? error.message : String(error)}\n\n${help(chaosScenarios)}`);
    return 2;
  }
  if (options.help) {
    tell(help(chaosScenarios));
    return 0;
  }
  for (const tool of ['pulsar', 'redis'] as const) {
    const missing = unavailable(tool);
    if (missing === false) continue;
    tell(missing);
    return 2;
  }
  return run(options, ['npm run chaos --', ...args].join(' '));
}

async function run(options: ChaosOptions, command: string): Promise<number> {
  const results: { scenario: string; seconds: number; figures?: ScenarioFigures; failure?: string }[] = [];
  const startedAt = new Date().toISOString();
  for (const scenario of options.scenarios) {
    const { name, defaults } = scenario;
    const start = performance.now();
    const progress = (line: string): void => tell(`${name}: ${line}`);
    const { rounds = defaults.rounds, clients = defaults.clients } = options;
    try {
      const figures = await scenario.run({ rounds, clients, progress });
      results.push({ scenario: name, seconds: secondsSince(start), figures });
      progress(
        Object.entries(figures)
          .map(([what, value]) => `${what} ${value}`)
          .join(', '),
      );
    } catch (error) {
      // With its cause.
      const failure = inspect(error);
      results.push({ scenario: name, seconds: secondsSince(start), failure });
      progress(`FAILED: ${failure}`);
    }
  }
  writeDocument({ machine: machine(), versions: versions(), command, startedAt, results }, options.out);
  return results.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

function secondsSince(start: number): number {
  return Math.round((performance.now() - start) / 1_000);
}
