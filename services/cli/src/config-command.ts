import { closest } from '@pharos/config';
import type { Command } from './command.ts';
import { CliError } from './errors.ts';
import { oneOf, type ParsedOptions } from './options.ts';
import type { ConvertedService } from './from-centrifugo/command.ts';
import { say, type Terminal } from './terminal.ts';

export type ConfiguredService = 'edge' | 'standalone' | 'api' | 'history' | 'presence';
const services: readonly ConfiguredService[] = ['edge', 'standalone', 'api', 'history', 'presence'];
const converted: readonly ConvertedService[] = ['standalone', 'edge'];

export const configCommand: Command = {
  name: 'config',
  usage: '<check | from-centrifugo <file>> [options]',
  summary: 'checks the configuration of a service, or makes one from that of a Centrifugo',
  details: `check reads the settings as the service does, from the file and from PHAROS_* variables, which win. It names every mistake, and ends
with status 1 where there is one; else it prints what holds, secrets left out.

from-centrifugo reads the JSON, YAML or TOML file of a Centrifugo v6 and prints the YAML file for Pharos: for 'pharos serve standalone', which has
the server API at the port of clients as Centrifugo does, or with --service edge for the edges of a cluster. What can't be carried over is
named on standard error. Secrets are carried over: mind where the output goes.`,
  options: [
    { flag: 'config', value: '<file>', help: 'YAML file with the settings (default: PHAROS_CONFIG, else none)' },
    {
      flag: 'service',
      value: '<service>',
      help: `whose settings: ${services.join(', ')} (default: edge; of from-centrifugo, which knows the first two: standalone)`,
    },
  ],
  maxPositionals: 2,
  run,
};

async function run(options: ParsedOptions, terminal: Terminal): Promise<number> {
  const [what, file] = options.positionals;
  if (what === 'from-centrifugo') return convertFile(file, options, terminal);
  if (what !== 'check' || file !== undefined) throw unknown(file ?? what);
  const service = options.text('service') === undefined ? 'edge' : oneOf(options, 'service', services);
  const { effectiveConfig } = await import('./config-check.ts');
  const config = effectiveConfig(service, options.text('config'), terminal.env);
  say(terminal, 'the configuration is valid');
  terminal.stdout.write(`${JSON.stringify(config, undefined, 2)}
`);
  return 0;
}

/** Status 0 also where something was left out: what is printed is valid. */
async function convertFile(file: string | undefined, options: ParsedOptions, terminal: Terminal): Promise<number> {
  if (file === undefined) throw new CliError('usage', "name the file with Centrifugo's settings");
  const service = options.text('service') === undefined ? 'standalone' : oneOf(options, 'service', converted);
  const { fromCentrifugo } = await import('./from-centrifugo/command.ts');
  const { yaml, left } = await fromCentrifugo(file, service);
  for (const { name, why } of left) say(terminal, `not carried over: ${name}: ${why}`);
  terminal.stdout.write(yaml);
  return 0;
}

function unknown(what: string | undefined): CliError {
  if (what === undefined) return new CliError('usage', 'expected check or from-centrifugo');
  const meant = closest(what, ['check', 'from-centrifugo']);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return new CliError('usage', `there is no 'config ${what}'${hint}`);
}
