import { PharosError, type PharosErrorOptions } from '@pharos/errors';

/** Every way in which the history store fails. */
export const historyErrors = {
  invalid: { retryable: false, description: 'What was asked for makes no sense: an offset, limit or batch is wrong.' },
  unavailable: {
    retryable: true,
    description: 'The store can not be reached, or the connection was lost before it answered.',
  },
  deadline: { retryable: true, description: 'The store did not answer in time; a write may still have happened.' },
  'queue-full': { retryable: true, description: 'Too many questions wait for the store already.' },
  refused: { retryable: false, description: 'The store refused: credentials, configuration or eviction policy.' },
  full: { retryable: true, description: 'The store has no memory left for more.' },
  failed: {
    retryable: false,
    description: 'The store failed in a way that says a mistake, or holds what is not ours.',
  },
  closed: { retryable: false, description: 'The store was closed by its owner.' },
} as const;

export type HistoryErrorCode = keyof typeof historyErrors;

/** What the history store throws; `code` is one of {@link historyErrors}. */
export class HistoryError extends PharosError<HistoryErrorCode> {
  constructor(code: HistoryErrorCode, message: string, options?: PharosErrorOptions) {
    super(historyErrors, code, message, options);
  }
}
