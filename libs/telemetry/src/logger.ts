import { isatty } from 'node:tty';
import { pino } from 'pino';
import { formatForPeople } from './human.ts';
import { REDACTED, redactedPaths, redactTokens } from './redact.ts';
import { traceFields } from './tracing.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Writes one record: fields and a message, or a message alone. An error goes in the field `err`. */
export interface LogMethod {
  (fields: object, message: string): void;
  (message: string): void;
}

/** What the rest of Pharos knows of a logger. Inject it; libs have none of their own. */
export interface Logger {
  readonly trace: LogMethod;
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  readonly fatal: LogMethod;
  /** A logger that adds `fields` to every record. */
  child(fields: Record<string, unknown>): Logger;
  isLevelEnabled(level: LogLevel): boolean;
}

/** Takes whole lines, each with its newline. */
export interface LogDestination {
  write(line: string): void;
}

export interface LoggerOptions {
  /** @default 'info' */
  readonly level?: LogLevel;
  /** Which part of Pharos speaks, e.g. `edge`; it is in every record. */
  readonly name: string;
  /** @default standard output */
  readonly destination?: LogDestination;
  /** JSON lines, or single lines for people. @default 'human' where it goes to a terminal, else 'json' */
  readonly format?: 'json' | 'human';
  /** Colours in the human format. @default true where standard output is a terminal */
  readonly colours?: boolean;
}

/** From now on less, or more, is written. */
export function setLogLevel(logger: Logger, level: LogLevel): void {
  (logger as Logger & { level?: LogLevel }).level = level;
}

/** A pino logger: JSON lines with `level`, `time` (ms), `name`, `msg`; tokens, passwords and cookies are redacted. */
export function createLogger(options: LoggerOptions): Logger {
  const onTerminal = options.destination === undefined && isatty(1);
  // Synchronous, so that the last line before a crash is there.
  const destination = options.destination ?? pino.destination({ dest: 1, sync: true });
  const human = (options.format ?? (onTerminal ? 'human' : 'json')) === 'human';
  const colours = options.colours ?? onTerminal;
  return pino(
    {
      level: options.level ?? 'info',
      name: options.name,
      // The pod's name and the process id are the collector's to add; on each line they only cost.
      base: { name: options.name },
      mixin: (fields: object) => traceFields(Reflect.get(fields, 'err')),
      redact: { paths: redactedPaths, censor: REDACTED },
      serializers: { err: pino.stdSerializers.errWithCause },
    },
    {
      write(line: string): void {
        const safe = redactTokens(line);
        destination.write(human ? formatForPeople(safe, { colours }) : safe);
      },
    },
  );
}
