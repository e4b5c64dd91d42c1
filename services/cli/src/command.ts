import { describeOptions, type OptionSpec, type ParsedOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

/** One `pharos <name>`. */
export interface Command {
  readonly name: string;
  /** What comes after the name, e.g. `<service> [options]`. */
  readonly usage: string;
  readonly summary: string;
  /** Further paragraphs of the help. */
  readonly details: string;
  readonly options: readonly OptionSpec[];
  /** How many arguments it takes that are no options. @default 0 */
  readonly maxPositionals?: number;
  /** Resolves to the exit status. Throws CliError `usage` before it does anything where the options are wrong. */
  run(options: ParsedOptions, terminal: Terminal): Promise<number>;
}

export function commandHelp(command: Command): string {
  return `pharos ${command.name} ${command.usage}

${command.details}

Options:
${describeOptions(command.options)}`;
}
