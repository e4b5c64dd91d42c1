import { closest } from '@pharos/config';
import type { Command } from './command.ts';
import { CliError } from './errors.ts';
import type { ParsedOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

type Topic = 'config' | 'errors' | 'metrics';
const topics: readonly Topic[] = ['config', 'errors', 'metrics'];

export const referenceCommand: Command = {
  name: 'reference',
  usage: `<${topics.join(' | ')}>`,
  summary: 'prints a reference as Markdown: configuration, errors or metrics',
  details: 'Prints what this version has: its options with their defaults, its error and close codes, or its metrics.',
  options: [],
  maxPositionals: 1,
  run,
};

async function run(options: ParsedOptions, terminal: Terminal): Promise<number> {
  const [asked] = options.positionals;
  const topic = topics.find((name) => name === asked);
  if (topic === undefined) throw unknownTopic(asked);
  const reference = await import('./reference.ts');
  const texts: Readonly<Record<Topic, () => string>> = {
    config: reference.configurationReference,
    errors: reference.errorReference,
    metrics: reference.metricReference,
  };
  terminal.stdout.write(texts[topic]());
  return 0;
}

function unknownTopic(asked: string | undefined): CliError {
  if (asked === undefined) return new CliError('usage', `name the reference: ${topics.join(', ')}`);
  const meant = closest(asked, topics);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return new CliError('usage', `there is no reference '${asked}', only ${topics.join(', ')}${hint}`);
}
