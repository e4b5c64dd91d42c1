import { sharedPulsar, unavailable } from '@pharos/testkit';

import { checksum } from './figures/checksum.ts';
import { j1 } from './figures/j1.ts';
import { j2 } from './figures/j2.ts';
import { j3 } from './figures/j3.ts';
import { p1 } from './figures/p1.ts';
import { p4 } from './figures/p4.ts';
import { p9 } from './figures/p9.ts';
import { presence } from './figures/presence.ts';
import { redisMemory } from './figures/redis-memory.ts';
import { api, clientPublish } from './figures/requests.ts';
import { tls, tlsMemory } from './figures/tls.ts';
import { tell, writeDocument } from './frame/command-line.ts';
import type { Figure, FigureContext, FigureOutcome } from './frame/figure.ts';
import { type BenchOptions, help, readOptions } from './options.ts';
import { makeReport, table } from './report.ts';

export const figures: readonly Figure[] = [
  p1,
  p4,
  p9,
  presence,
  checksum,
  api,
  clientPublish,
  tls,
  tlsMemory,
  redisMemory,
  j1,
  j2,
  j3,
];

/** Measures what the arguments ask for; resolves with the exit status: 1 where a figure is void. */
export async function main(args: readonly string[]): Promise<number> {
  let options: BenchOptions;
  try {
    options = readOptions(
      args,
      figures.map(({ id }) => id),
    );
  } catch (error) {
    tell(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 2;
  }
  if (options.help) {
    tell(help);
    return 0;
  }
  return run(options, ['npm run bench --', ...args].join(' '));
}

async function run(options: BenchOptions, command: string): Promise<number> {
  const startedAt = new Date().toISOString();
  const { pairs, quick } = options;
  const context: FigureContext = { pairs, quick, progress: tell, pulsar: findPulsar };
  const outcomes: FigureOutcome[] = [];
  for (const figure of figures.filter(({ id }) => options.only.includes(id))) {
    tell(`${figure.id}: ${figure.title}`);
    outcomes.push(await figure.measure(context));
  }
  const report = makeReport({ command, startedAt, quick }, outcomes);
  tell(`\n${table(report)}`);
  writeDocument(report, options.out);
  return report.figures.some((figure) => figure.void !== undefined) ? 1 : 0;
}

async function findPulsar(): ReturnType<FigureContext['pulsar']> {
  const missing = unavailable('pulsar');
  return missing === false ? sharedPulsar() : missing;
}
