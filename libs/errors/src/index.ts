import { inspect } from 'node:util';

/** What is known of one error code: whether trying again can help, and what the code means (it ends up in docs/errors.md). */
export interface ErrorCodeInfo {
  readonly retryable: boolean;
  readonly description: string;
}

/** A closed list of error codes; each package that throws owns one and documents every entry. */
export type ErrorTable = Readonly<Record<string, ErrorCodeInfo>>;

export interface PharosErrorOptions {
  readonly cause?: unknown;
  /** Overrides the table where one code is retryable in some situations only. */
  readonly retryable?: boolean;
}

/**
 * Base of every error that Pharos throws on purpose.
 *
 * `code` comes from a closed table, `retryable` says whether the same call may succeed later without a change by the
 * caller, `cause` is the underlying failure where there is one.
 */
export class PharosError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly retryable: boolean;

  constructor(table: ErrorTable, code: Code, message: string, options: PharosErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? table[code]?.retryable ?? false;
  }
}

/** The message of anything that was thrown, with its chain of causes, on one line: for logs and for the user's terminal. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  // A chain of causes can be a cycle when libraries wrap carelessly; eight links say enough.
  for (let depth = 0; depth < 8 && current !== undefined && current !== null; depth++) {
    if (current instanceof Error) {
      const text = current.message === '' ? current.name : current.message;
      // Who wraps an error often repeats what it says.
      if (parts.at(-1)?.endsWith(text) !== true) parts.push(text);
      current = current.cause;
    } else {
      parts.push(typeof current === 'string' ? current : inspect(current, { depth: 1 }));
      break;
    }
  }
  return parts.join(': ').replace(/\s*\n\s*/g, ' ');
}
