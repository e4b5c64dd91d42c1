import { PharosError } from '@pharos/errors';
import type { ErrorCodeInfo, PharosErrorOptions } from '@pharos/errors';

export type TestkitErrorCode =
  | 'tool-missing'
  | 'start-failed'
  | 'wait-timeout'
  | 'not-running'
  | 'invalid-option'
  | 'refused';

/** Every error code of the testkit. */
export const testkitErrors: Readonly<Record<TestkitErrorCode, ErrorCodeInfo>> = {
  'tool-missing': { retryable: false, description: 'A program that the test needs is not installed.' },
  'start-failed': { retryable: true, description: 'A process ended, or did not become ready in time, while starting.' },
  'wait-timeout': { retryable: false, description: 'What the test waited for did not happen in time.' },
  'not-running': { retryable: false, description: 'The process has ended, so it cannot do what was asked.' },
  'invalid-option': { retryable: false, description: 'An option of the testkit has a value that it cannot take.' },
  refused: { retryable: true, description: 'The server under test did not take a connection.' },
};

export class TestkitError extends PharosError<TestkitErrorCode> {
  constructor(code: TestkitErrorCode, message: string, options?: PharosErrorOptions) {
    super(testkitErrors, code, message, options);
  }
}
