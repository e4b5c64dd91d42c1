import { PharosError, type PharosErrorOptions } from '@pharos/errors';

/** Every way in which the presence store fails. */
export const presenceErrors = {
  invalid: { retryable: false, description: 'An option or argument makes no sense.' },
  unavailable: {
    retryable: true,
    description: 'The store can not be reached, or the connection was lost before it answered.',
  },
  deadline: { retryable: true, description: 'The store did not answer in time.' },
  'queue-full': { retryable: true, description: 'Too many changes wait for the store already.' },
  'too-many': { retryable: false, description: 'The channel has more members than one answer may hold.' },
  refused: { retryable: false, description: 'The store refused: credentials, configuration or eviction policy.' },
  full: { retryable: true, description: 'The store has no memory left for more.' },
  failed: {
    retryable: false,
    description: 'The store failed in a way that says a mistake, or holds what is not ours.',
  },
  closed: { retryable: false, description: 'The store or the node was closed by its owner.' },
} as const;

export type PresenceErrorCode = keyof typeof presenceErrors;

/** What the presence store throws; `code` is one of {@link presenceErrors}. */
export class PresenceError extends PharosError<PresenceErrorCode> {
  constructor(code: PresenceErrorCode, message: string, options?: PharosErrorOptions) {
    super(presenceErrors, code, message, options);
  }
}
