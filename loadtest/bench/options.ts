import { parseArgs } from 'node:util';

import { wholeNumber } from './frame/command-line.ts';

export const help = `npm run bench -- [options]

  --only <ids>   figures to measure, by commas: P1,P4,J1 (default: all)
  --pairs <n>    interleaved pairs for each figure (default: 5, quick 3)
  --quick        smaller and shorter, to see that it works
  --out <file>   where the JSON document goes (default: standard output)
`;

export interface BenchOptions {
  readonly only: readonly string[];
  readonly pairs: number;
  readonly quick: boolean;
  readonly out: string | undefined;
  readonly help: boolean;
}

const fullPairs = 5;
const quickPairs = 3;

/** @throws TypeError or RangeError that names the wrong argument */
export function readOptions(args: readonly string[], known: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      pairs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const only = values.only?.split(',').map((id) => id.trim()) ?? [...known];
  for (const id of only) {
    if (!known.includes(id)) throw new RangeError(`--only: there is no figure '${id}', only ${known.join(', ')}`);
  }
  const pairs = wholeNumber('--pairs', values.pairs) ?? (values.quick ? quickPairs : fullPairs);
  return { only, pairs, quick: values.quick, out: values.out, help: values.help };
}
