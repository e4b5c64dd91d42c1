import { parseArgs } from 'node:util';

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
  const scenarios = positionals.map((name) => {
    const found = known.find((scenario) => scenario.name === name);
    if (found !== undefined) return found;
    throw new RangeError(`there is no scenario '${name}', only ${known.map((one) => one.name).join(', ')}`);
  });
  if (scenarios.length === 0 && !values.help) throw new RangeError('name a scenario at least');
  return {
    scenarios,
    rounds: wholeNumber('--rounds', values.rounds),
    clients: wholeNumber('--clients', values.clients),
    out: values.out,
    help: values.help,
  };
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`${name} must be a whole number from 1 on, not '${text}'`);
  return value;
}
