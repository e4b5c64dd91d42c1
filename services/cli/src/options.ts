import { parseArgs } from 'node:util';
import { closest } from '@pharos/config';
import { CliError } from './errors.ts';

/** An option of a command: what it takes, what it does, what holds without it. */
export interface OptionSpec {
  readonly flag: string;
  /** Shown in the help, e.g. `<topic>`; without it the option is a switch. */
  readonly value?: string;
  readonly help: string;
  /** Taken when the option isn't given. */
  readonly fallback?: string;
}

export interface ParsedOptions {
  readonly help: boolean;
  readonly positionals: readonly string[];
  text(flag: string): string | undefined;
  isSet(flag: string): boolean;
}

const HELP: OptionSpec = { flag: 'help', help: 'show this and exit' };

/** Parses a command's arguments; throws CliError `usage` with what is wrong and, for a misspelt option, what was meant. */
export function parseOptions(specs: readonly OptionSpec[], args: readonly string[], maxPositionals = 0): ParsedOptions {
  const all = [...specs, HELP];
  const options = Object.fromEntries(
    all.map((spec) => [spec.flag, { type: spec.value === undefined ? ('boolean' as const) : ('string' as const) }]),
  );
  refuseUnknown(all, args);
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: joinDashedValues(all, args),
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
  } catch (error) {
    // What is left for parseArgs to refuse is a value that is missing or not wanted; the rest of its text is advice on syntax.
    const [reason = 'wrong arguments'] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/, 1);
    throw new CliError('usage', reason);
  }
  const extra = parsed.positionals[maxPositionals];
  if (extra !== undefined) throw new CliError('usage', `'${extra}' is not expected here`);
  const { values, positionals } = parsed;
  return {
    help: values['help'] === true,
    positionals,
    text: (flag) => {
      const value = values[flag] ?? specs.find((spec) => spec.flag === flag)?.fallback;
      return typeof value === 'string' ? value : undefined;
    },
    isSet: (flag) => values[flag] === true,
  };
}

/** The value of an option that has a fallback. */
export function required(options: ParsedOptions, flag: string): string {
  const value = options.text(flag);
  if (value === undefined || value === '') throw new CliError('usage', `--${flag} is empty, expected a value`);
  return value;
}

export function positiveNumber(options: ParsedOptions, flag: string): number | undefined {
  const text = options.text(flag);
  if (text === undefined) return undefined;
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : 0;
  if (value > 0 && Number.isFinite(value)) return value;
  throw new CliError('usage', `--${flag} is '${text}', expected a number above 0`);
}

export function positiveInteger(options: ParsedOptions, flag: string): number | undefined {
  const value = positiveNumber(options, flag);
  if (value === undefined || Number.isSafeInteger(value)) return value;
  throw new CliError('usage', `--${flag} is '${options.text(flag)}', expected a whole number above 0`);
}

export function oneOf<T extends string>(options: ParsedOptions, flag: string, values: readonly T[]): T {
  const text = required(options, flag);
  const value = values.find((candidate) => candidate === text);
  if (value === undefined) throw new CliError('usage', `--${flag} is '${text}', expected ${values.join(', ')}`);
  return value;
}

/** The options as the help shows them: aligned, with defaults. */
export function describeOptions(specs: readonly OptionSpec[]): string {
  const rows = [...specs, HELP].map((spec) => {
    const left = spec.value === undefined ? `--${spec.flag}` : `--${spec.flag} ${spec.value}`;
    const fallback = spec.fallback === undefined ? '' : ` (default: ${spec.fallback})`;
    return [left, spec.help + fallback] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}

/** `--rate -1` as `--rate=-1`: what follows an option is its value, unless it is an option itself. */
function joinDashedValues(specs: readonly OptionSpec[], args: readonly string[]): string[] {
  const joined: string[] = [];
  const isOption = (text: string): boolean => specs.some(({ flag }) => text === `--${flag}`);
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] as string;
    if (argument === '--') return [...joined, ...args.slice(index)];
    const next = args[index + 1];
    const takes = specs.some(({ flag, value }) => value !== undefined && argument === `--${flag}`);
    if (takes && next?.startsWith('-') === true && next !== '--' && !isOption(next)) {
      joined.push(`${argument}=${next}`);
      index++;
    } else joined.push(argument);
  }
  return joined;
}

function refuseUnknown(specs: readonly OptionSpec[], args: readonly string[]): void {
  const flags = specs.map((spec) => spec.flag);
  let isValue = false;
  for (const argument of args) {
    if (argument === '--') return;
    if (isValue) {
      isValue = false;
      continue;
    }
    if (!argument.startsWith('-') || argument === '-' || argument === '-h') continue;
    const [name = ''] = argument.replace(/^-+/, '').split('=', 1);
    const spec = argument.startsWith('--') ? specs.find((candidate) => candidate.flag === name) : undefined;
    if (spec === undefined) {
      const meant = closest(name, flags);
      throw new CliError(
        'usage',
        `there is no option ${argument.split('=', 1)[0]}${meant === undefined ? '' : `; did you mean --${meant}?`}`,
      );
    }
    isValue = spec.value !== undefined && !argument.includes('=');
  }
}
