export { runCli } from './cli.ts';
export { CliError, type CliErrorCode, cliErrorTable } from './errors.ts';
export type { Terminal } from './terminal.ts';
