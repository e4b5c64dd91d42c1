import { readFileSync } from 'node:fs';
import { closest, ConfigError } from '@pharos/config';
import { describeError } from '@pharos/errors';
import { type Command, commandHelp } from './command.ts';
import { consumeCommand } from './consume-command.ts';
import { configCommand } from './config-command.ts';
import { CliError } from './errors.ts';
import { parseOptions } from './options.ts';
import { produceCommand } from './produce-command.ts';
import { provisionCommand } from './provision-command.ts';
import { referenceCommand } from './reference-command.ts';
import { selftestCommand } from './selftest-command.ts';
import { serveCommand } from './serve-command.ts';
import { say, type Terminal } from './terminal.ts';
import { tokenCommand } from './token-command.ts';

export const commandList: readonly Command[] = [
  produceCommand,
  consumeCommand,
  serveCommand,
  configCommand,
  tokenCommand,
  provisionCommand,
  selftestCommand,
  referenceCommand,
];

/**
 * Runs `pharos <args>` and resolves to the exit status: 0 done, 1 failed, 2 wrong usage, 130 and 143 ended by a signal.
 * Never rejects; what went wrong is one message on standard error.
 */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  // Nobody is left to read the message that standard error is closed.
  terminal.stderr.on('error', () => undefined);
  try {
    return await dispatch(args, terminal);
  } catch (error) {
    say(terminal, `pharos: ${error instanceof ConfigError ? error.message : describeError(error)}`);
    if (!(error instanceof CliError && error.code === 'usage')) return 1;
    const command = commandList.find(({ name }) => name === args[0]);
    say(terminal, `Try: pharos ${command === undefined ? '' : `${command.name} `}--help`);
    return 2;
  }
}

async function dispatch(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    terminal.stdout.write(`${generalHelp()}\n`);
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-V') {
    terminal.stdout.write(`pharos ${version()}\n`);
    return 0;
  }
  const command = commandList.find((candidate) => candidate.name === name);
  if (command === undefined) throw unknownCommand(name);
  const options = parseOptions(command.options, rest, command.maxPositionals);
  if (options.help) {
    terminal.stdout.write(`${commandHelp(command)}\n`);
    return 0;
  }
  return command.run(options, terminal);
}

function generalHelp(): string {
  const width = Math.max(...commandList.map(({ name }) => name.length));
  const commands = commandList.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `pharos <command> [options]

Commands:
${commands.join('\n')}

  pharos <command> --help    what a command does, and its options
  pharos --version           the version`;
}

function unknownCommand(name: string): CliError {
  const known = commandList.map((command) => command.name);
  const meant = closest(name, known);
  if (name.startsWith('-'))
    return new CliError('usage', `there is no option ${name} before a command; commands are ${known.join(', ')}`);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return new CliError('usage', `there is no command '${name}', only ${known.join(', ')}${hint}`);
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}
