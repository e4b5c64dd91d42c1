import { PulsarError, type PulsarErrorCode } from '../errors.ts';

/** What the broker says of one entry that it will not take, while it takes others. */
const refusals: ReadonlySet<PulsarErrorCode> = new Set<PulsarErrorCode>([
  'NotAllowedError',
  'AuthorizationError',
  'IncompatibleSchema',
  'ProducerBlockedQuotaExceededError',
  'ProducerBlockedQuotaExceededException',
]);

/** Whether the broker will not take this entry, now or later, so that the next ones need not wait for it. */
export function refusesEntry(error: PulsarError): boolean {
  return refusals.has(error.code);
}

/** The same error with another {@link PulsarError.outcomeUnknown}. */
export function withOutcome(error: PulsarError, outcomeUnknown: boolean): PulsarError {
  if (error.outcomeUnknown === outcomeUnknown) return error;
  const { code, message, cause, retryable } = error;
  return new PulsarError(code, message, { cause, retryable, outcomeUnknown });
}
