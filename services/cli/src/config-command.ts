import { closest } from '@pharos/config';
import type { Command } from './command.ts';
import { CliError } from './errors.ts';
import { oneOf, type ParsedOptions } from './options.ts';
import { say, type Terminal } from './terminal.ts';

export type ConfiguredService = 'edge' | 'standalone' | 'history' | 'presence';
const services: readonly ConfiguredService[] = ['edge', 'standalone', 'history', 'presence'];

export const configCommand: Command = {
  name: 'config',
  usage: 'check [options]',
  summary: 'checks the configuration of a service',
  details: `check reads the settings as the service does, from the file and from PHAROS_* variables, which win. It names every mistake, and ends
with status 1 where there is one; else it prints what holds, secrets left out.`,
  options: [
    { flag: 'config', value: '<file>', help: 'YAML file with the settings (default: PHAROS_CONFIG, else none)' },
    { flag: 'service', value: '<service>', help: `whose settings: ${services.join(', ')}`, fallback: 'edge' },
  ],
  maxPositionals: 1,
  run,
};

async function run(options: ParsedOptions, terminal: Terminal): Promise<number> {
  const [what] = options.positionals;
  if (what !== 'check') throw unknown(what);
  const service = oneOf(options, 'service', services);
  const { effectiveConfig } = await import('./config-check.ts');
  const config = effectiveConfig(service, options.text('config'), terminal.env);
  say(terminal, 'the configuration is valid');
  terminal.stdout.write(`${JSON.stringify(config, undefined, 2)}
`);
  return 0;
}

function unknown(what: string | undefined): CliError {
  if (what === undefined) return new CliError('usage', 'expected check');
  const hint = closest(what, ['check']) === undefined ? '' : '; did you mean check?';
  return new CliError('usage', `there is no 'config ${what}'${hint}`);
}
