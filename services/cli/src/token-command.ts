import type { Command } from './command.ts';
import { CliError } from './errors.ts';
import type { ParsedOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

export const tokenCommand: Command = {
  name: 'token',
  usage: '<make | check> [token] [options]',
  summary: 'makes and checks the tokens that clients connect and subscribe with',
  details: `make prints a token, signed by the secret of the configuration or by a private key; with --channel one to subscribe with.
check looks at a token as an edge with this configuration does, and prints what it says; without an argument it is read from
standard input, so that it stands in no history of commands.
Keys are those of client.token, and of client.subscription_token where that is enabled.`,
  options: [
    { flag: 'config', value: '<file>', help: 'YAML file with the settings (default: PHAROS_CONFIG, else none)' },
    { flag: 'user', value: '<user>', help: 'make: who it is for', fallback: '' },
    { flag: 'channel', value: '<channel>', help: 'make: the channel to subscribe to' },
    { flag: 'client', value: '<id>', help: 'make: the only connection that may subscribe with it' },
    { flag: 'ttl', value: '<duration>', help: 'make: how long it is valid; 0 for ever', fallback: '1h' },
    { flag: 'info', value: '<json>', help: 'make: what others see with it' },
    { flag: 'subs', value: '<channels>', help: 'make: what the server subscribes the client to, separated by commas' },
    { flag: 'key', value: '<file>', help: 'make: private key in PEM, in place of the secret' },
  ],
  maxPositionals: 2,
  run,
};

async function run(options: ParsedOptions, terminal: Terminal): Promise<number> {
  const [what, token] = options.positionals;
  // Loaded when asked for: no other command is to wait for a server's code.
  const { check, make } = await import('./tokens.ts');
  if (what === 'make' && token === undefined) {
    terminal.stdout.write(`${await make(options, terminal)}\n`);
    return 0;
  }
  if (what === 'check') {
    const claims = await check(options, terminal, token ?? (await firstLine(terminal)));
    terminal.stdout.write(`${JSON.stringify(claims, undefined, 2)}\n`);
    return 0;
  }
  throw new CliError(
    'usage',
    what === undefined ? 'expected make or check' : `'${token ?? what}' is not expected here`,
  );
}

/** A token is a few kilobytes. */
const maxInputBytes = 1024 * 1024;

async function firstLine({ stdin }: Terminal): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.includes('\n') || text.length > maxInputBytes) break;
  }
  const [line = ''] = text.split('\n', 1);
  if (line.trim() === '') throw new CliError('usage', 'expected a token, as an argument or on standard input');
  return line.trim();
}
