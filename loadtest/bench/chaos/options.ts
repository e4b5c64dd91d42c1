import { parseArgs } from 'node:util';

import { scenariosNamed, wholeNumber } from '../frame/command-line.ts';
import type { Scenario } from './scenario.ts';

export function help(scenarios: readonly Scenario[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  const lines = scenarios.map(({ name, title, defaults }) => {
    return `  ${name.padEnd(width)}  ${title} (${defaults.rounds} rounds, ${defaults.clients} clients)`;
  });
  return `npm run chaos -- <scenario …> [options]

Starts services as processes on a real Pulsar and a real Redis, hurts them under load, and holds what all clients saw against the log.

${lines.join('\n')}

  --rounds <n>    how often each fault comes
  --clients <n>   how many clients there are
  --out <file>    where the JSON document goes (default: standard output)
`;
}

export interface ChaosOptions {
  readonly scenarios: readonly Scenario[];
  readonly rounds: number | undefined;
  readonly clients: number | undefined;
  readonly out: string | undefined;
  readonly help: boolean;
}

/** @throws TypeError or RangeError that names the wrong argument */
export function readChaosOptions(args: readonly string[], known: readonly Scenario[]): ChaosOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      clients: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const asksForHelp = values.help && positionals.length === 0;
  const scenarios = asksForHelp ? [] : scenariosNamed(positionals, known);
  return {
    scenarios,
    rounds: wholeNumber('--rounds', values.rounds),
    clients: wholeNumber('--clients', values.clients),
    out: values.out,
    help: values.help,
  };
}
