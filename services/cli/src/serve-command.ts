import { closest } from '@pharos/config';
import type { Command } from './command.ts';
import { CliError } from './errors.ts';
import type { ParsedOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

interface ServiceModule {
  main(options: {
    readonly configFile?: string;
    readonly env: Readonly<Record<string, string | undefined>>;
  }): Promise<void>;
}

/** Loaded when asked for: `pharos produce` is not to wait for a server's code. */
const SERVICES: ReadonlyMap<string, () => Promise<ServiceModule>> = new Map<string, () => Promise<ServiceModule>>([
  ['edge', () => import('@pharos/edge')],
  ['api', () => import('@pharos/api-service')],
  ['history', () => import('@pharos/history-service')],
  ['presence', () => import('@pharos/presence-service')],
  ['standalone', () => import('@pharos/standalone')],
]);

export const serveCommand: Command = {
  name: 'serve',
  usage: '<service> [options]',
  summary: `runs a service: ${[...SERVICES.keys()].join(' or ')}`,
  details: `Runs one service until SIGTERM or SIGINT. Services: ${[...SERVICES.keys()].join(', ')}.
Settings come from the file and from PHAROS_* variables, which win.`,
  options: [
    { flag: 'config', value: '<file>', help: 'YAML file with the settings (default: PHAROS_CONFIG, else none)' },
  ],
  maxPositionals: 1,
  run,
};

async function run(options: ParsedOptions, terminal: Terminal): Promise<number> {
  const [name] = options.positionals;
  const load = SERVICES.get(name ?? '');
  if (load === undefined) throw unknownService(name);
  const configFile = options.text('config');
  const service = await load();
  const { env } = terminal;
  // Without the option, the service itself looks at PHAROS_CONFIG.
  await service.main(configFile === undefined ? { env } : { configFile, env });
  return 0;
}

function unknownService(name: string | undefined): CliError {
  const known = [...SERVICES.keys()];
  if (name === undefined) return new CliError('usage', `name the service to run: ${known.join(', ')}`);
  const meant = closest(name, known);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return new CliError('usage', `there is no service '${name}', only ${known.join(', ')}${hint}`);
}
