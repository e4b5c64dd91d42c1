import { PharosError } from '@pharos/errors';

/** What can go wrong with a call of the admin REST API. */
export const adminErrors = {
  'invalid-url': { retryable: false, description: 'The admin URL is not one.' },
  unreachable: { retryable: true, description: 'No answer from the admin API.' },
  timeout: { retryable: true, description: 'The admin API did not answer in time.' },
  'not-found': { retryable: false, description: 'No such topic, namespace or resource (404).' },
  conflict: { retryable: false, description: 'It exists already, or its state does not allow this (409, 412).' },
  refused: { retryable: false, description: 'The caller may not do this (401, 403), or the feature is off (405).' },
  failed: { retryable: true, description: 'The admin API answered with another error.' },
  'bad-answer': { retryable: false, description: 'The answer is not what the admin API of Pulsar answers.' },
} as const;

export type AdminErrorCode = keyof typeof adminErrors;

/** What a call of the admin API throws; `code` is one of {@link adminErrors}. */
export class AdminError extends PharosError<AdminErrorCode> {
  /** HTTP status; `undefined` where there was no answer. */
  readonly status: number | undefined;

  constructor(code: AdminErrorCode, message: string, status?: number, options: { readonly cause?: unknown } = {}) {
    super(adminErrors, code, message, options);
    this.status = status;
  }
}
