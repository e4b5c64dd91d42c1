import { parseArgs } from 'node:util';

import { scenariosNamed, wholeNumber } from '../frame/command-line.ts';
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
  readonly out: string | undefined;
  readonly help: boolean;
}

export function help(scenarios: readonly Scenario[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  const lines = scenarios.flatMap(({ name, title, gates }) => [
    `  ${name.padEnd(width)}  ${title}`,
    `  ${' '.repeat(width)}  gates: ${gates.map(({ id, holds, limit }) => `${id} ${holds} ${limit}`).join(', ')}`,
  ]);
  return `npm run load -- <scenario …> [options]

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
  return {
    scenarios,
    short: values.short,
    size: Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
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
