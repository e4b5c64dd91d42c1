import { PharosError, type PharosErrorOptions } from '@pharos/errors';

/** Every way in which the bus fails. */
export const busErrors = {
  'invalid-topic': { retryable: false, description: 'The topic name is not one.' },
  'lanes-mismatch': { retryable: false, description: 'More lanes were asked for than the existing log has.' },
  unreachable: {
    retryable: true,
    description:
      'The log could not be reached: nobody answered, no Pulsar broker did, or it did not take the credentials.',
  },
  refused: { retryable: false, description: 'The broker refused: permission, policy or configuration.' },
  'queue-full': { retryable: true, description: 'Too many appends wait already; nothing was written.' },
  'too-large': { retryable: false, description: 'The publication is larger than the log takes.' },
  deadline: { retryable: true, description: 'The deadline passed before anything was written.' },
  'outcome-unknown': {
    retryable: false,
    description: 'The deadline passed after writing: the log may have the publication.',
  },
  'position-gone': { retryable: false, description: 'The position to follow from is no longer kept.' },
  'subscription-busy': { retryable: true, description: 'The subscription has a consumer that excludes this one.' },
  'log-ended': { retryable: false, description: 'The log was deleted or its life changed under a tail.' },
  closed: { retryable: false, description: 'The bus, log, tail or subscription was closed.' },
} as const;

export type BusErrorCode = keyof typeof busErrors;

/** What the bus throws; `code` is one of {@link busErrors}. */
export class BusError extends PharosError<BusErrorCode> {
  constructor(code: BusErrorCode, message: string, options?: PharosErrorOptions) {
    super(busErrors, code, message, options);
  }
}
