import { type ErrorTable, PharosError, type PharosErrorOptions } from '@pharos/errors';

export const cliErrorTable: ErrorTable = {
  usage: {
    retryable: false,
    description: 'The command line is wrong: an unknown command or option, or a value that is none.',
  },
  'name-in-use': {
    retryable: true,
    description:
      'Another producer is connected to the topic under the same name; a name is for one producer at a time.',
  },
  'subscription-in-use': {
    retryable: true,
    description: 'The subscription is exclusive to another consumer, or has another type.',
  },
  'line-too-long': { retryable: false, description: 'A line of the input is longer than a message may be.' },
  'not-acknowledged': { retryable: true, description: 'The broker did not acknowledge every line.' },
  'selftest-failed': {
    retryable: true,
    description: 'A step of `pharos selftest` did not work; the message says which.',
  },
};

export type CliErrorCode =
  | 'usage'
  | 'name-in-use'
  | 'subscription-in-use'
  | 'line-too-long'
  | 'not-acknowledged'
  | 'selftest-failed';

/** What the command says on standard error before it ends; `usage` ends it with status 2, all else with 1. */
export class CliError extends PharosError<CliErrorCode> {
  constructor(code: CliErrorCode, message: string, options?: PharosErrorOptions) {
    super(cliErrorTable, code, message, options);
  }
}
