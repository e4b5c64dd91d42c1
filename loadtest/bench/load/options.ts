import { parseArgs } from 'node:util';

import { scenariosNamed, wholeNumber } from '../frame/command-line.ts';
import { parseStartAt } from './machines/start-at.ts';
import { type MachineNumber, parseMachine, shareOf } from './machines/share.ts';
import { limitOf } from './measure/gate.ts';
import type { Scenario, Size } from './scenario.ts';

export interface LoadOptions {
  readonly scenarios: readonly Scenario[];
  readonly short: boolean;
  readonly size: Partial<Size>;
  readonly urls: readonly string[];
  readonly metricsUrls: readonly string[];
  readonly tokenFile: string | undefined;
  readonly prefix: string;
  readonly processes: number;
  readonly connectRate: number;
  /** In place of the gates' own, by id. */
  readonly limits: ReadonlyMap<string, number>;
  /** This one of several that load the cluster together. */
  readonly machine: MachineNumber | undefined;
  /** When they begin, in milliseconds since 1970. */
  readonly startAtMs: number | undefined;
  readonly out: string | undefined;
  readonly help: boolean;
}

export interface JudgeOptions {
  readonly files: readonly string[];
  readonly limits: ReadonlyMap<string, number>;
  readonly out: string | undefined;
}

export function help(scenarios: readonly Scenario[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  const lines = scenarios.flatMap(({ name, title, gates, sizes }) => [
    `  ${name.padEnd(width)}  ${title}`,
    `  ${' '.repeat(width)}  gates: ${gates.map((gate) => `${gate.id} ${gate.holds} ${limitOf(gate, sizes.full)}`).join(', ')}`,
  ]);
  return `npm run load -- <scenario …> [options]
npm run load -- judge <file …> [--limit <gate>=<n> …] [--out <file>]

Loads a cluster and holds what clients saw against gates; the exit status is 1 where one is broken. Without --url a cluster of processes is started
for it: two edges, history and presence on a Pulsar and a Redis.

${lines.join('\n')}

  --url <url>            of an edge or a load balancer: wss://host/connection/websocket; may come several times
  --metrics <url>        of /metrics of an edge; may come several times
  --token-file <file>    tokens of clients, one a line, taken in turns
  --channel-prefix <p>   what channels begin with, the namespace included (default: load-)
  --short                smaller and shorter, to see that it works
  --clients <n>          in place of the scenario's own, as the next four
  --channels <n>
  --rate <n>             publications a second, over all channels
  --seconds <n>          how long the load stays
  --connect-rate <n>     clients that begin in a second, where the scenario is not about that (default: 500)
  --pad <n>              bytes that a publication carries besides its number
  --processes <n>        that share the clients (default: 1); their figures are added up before gates are judged
  --limit <gate>=<n>     a gate's limit; may come several times
  --out <file>           where the JSON document goes (default: standard output)
  --machine <i>/<n>      this is one of several that load a cluster together, i from 0 to n - 1: sizes and rates are of all of them, and
                         the gates are for judge, over the documents of all
  --start-at <moment>    when all of them begin: 2026-12-01T12:00:00Z

judge adds up what the machines of one run have counted, and holds the sum against the scenario's gates, as if one machine had seen it all.
`;
}

/** @throws TypeError or RangeError that names the wrong argument */
export function readLoadOptions(args: readonly string[], known: readonly Scenario[]): LoadOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      url: { type: 'string', multiple: true, default: [] },
      metrics: { type: 'string', multiple: true, default: [] },
      'token-file': { type: 'string' },
      'channel-prefix': { type: 'string', default: 'load-' },
      short: { type: 'boolean', default: false },
      clients: { type: 'string' },
      channels: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      pad: { type: 'string' },
      processes: { type: 'string' },
      'connect-rate': { type: 'string' },
      limit: { type: 'string', multiple: true, default: [] },
      machine: { type: 'string' },
      'start-at': { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const asksForHelp = values.help && positionals.length === 0;
  const scenarios = asksForHelp ? [] : scenariosNamed(positionals, known);
  for (const url of values.url) assertUrl('--url', url, ['ws:', 'wss:']);
  for (const url of values.metrics) assertUrl('--metrics', url, ['http:', 'https:']);
  if (values.metrics.length > 0 && values.url.length === 0) {
    throw new RangeError('--metrics belongs to --url: of a cluster that is started here they are known');
  }
  const numbers = {
    clients: wholeNumber('--clients', values.clients),
    channels: wholeNumber('--channels', values.channels),
    perSecond: wholeNumber('--rate', values.rate),
    seconds: wholeNumber('--seconds', values.seconds),
    padBytes: wholeNumber('--pad', values.pad, 0),
  };
  const size: Partial<Size> = Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined));
  const together = readTogether(values, scenarios, size);
  return {
    ...together,
    scenarios,
    short: values.short,
    size,
    urls: values.url,
    metricsUrls: values.metrics,
    tokenFile: values['token-file'],
    prefix: values['channel-prefix'],
    processes: wholeNumber('--processes', values.processes) ?? 1,
    connectRate: wholeNumber('--connect-rate', values['connect-rate']) ?? 500,
    limits: limitsOf(values.limit, scenarios),
    out: values.out,
    help: values.help,
  };
}

interface TogetherValues {
  readonly machine?: string | undefined;
  readonly 'start-at'?: string | undefined;
  readonly short: boolean;
  readonly url: readonly string[];
  readonly limit: readonly string[];
}

function readTogether(
  { machine: text, 'start-at': startAt, short, url, limit }: TogetherValues,
  scenarios: readonly Scenario[],
  size: Partial<Size>,
): Pick<LoadOptions, 'machine' | 'startAtMs'> {
  if (text === undefined) {
    if (startAt !== undefined) throw new RangeError('--start-at belongs to --machine');
    return { machine: undefined, startAtMs: undefined };
  }
  const machine = parseMachine(text);
  const [scenario, another] = scenarios;
  if (scenario === undefined || another !== undefined) throw new RangeError('--machine: name one scenario, no more');
  if (scenario.together === undefined) throw new RangeError(`--machine: ${scenario.name} is for one machine only`);
  if (url.length === 0) throw new RangeError('--machine needs --url: the cluster that all machines load');
  if (startAt === undefined) throw new RangeError('--machine needs --start-at: the moment when all of them begin');
  if (limit.length > 0) throw new RangeError('--limit: give it to judge, which holds all machines against the gates');
  shareOf({ ...scenario.sizes[short ? 'short' : 'full'], ...size }, machine);
  return { machine, startAtMs: parseStartAt(startAt) };
}

/** @param args after `judge`. @throws TypeError or RangeError that names the wrong argument */
export function readJudgeOptions(args: readonly string[], known: readonly Scenario[]): JudgeOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { limit: { type: 'string', multiple: true, default: [] }, out: { type: 'string' } },
  });
  if (positionals.length === 0) throw new RangeError('judge: name the documents of all machines');
  return { files: positionals, limits: limitsOf(values.limit, known), out: values.out };
}

function limitsOf(texts: readonly string[], scenarios: readonly Scenario[]): Map<string, number> {
  const known = new Set(scenarios.flatMap(({ gates }) => gates.map(({ id }) => id)));
  return new Map(
    texts.map((text) => {
      const [id = '', value = ''] = text.split('=', 2);
      if (!known.has(id)) throw new RangeError(`--limit: there is no gate '${id}', only ${[...known].join(', ')}`);
      if (value.trim() === '' || !Number.isFinite(Number(value))) {
        throw new RangeError(`--limit ${id} must be a number, as in ${id}=100, not '${value}'`);
      }
      return [id, Number(value)];
    }),
  );
}

function assertUrl(option: string, text: string, protocols: readonly string[]): void {
  if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return;
  throw new RangeError(`${option} must be a URL that begins with ${protocols.join('// or ')}//, not '${text}'`);
}
