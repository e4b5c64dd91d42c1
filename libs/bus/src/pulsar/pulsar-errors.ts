import { PulsarError, type PulsarErrorCode } from '@pharos/pulsar-client';
import { BusError, type BusErrorCode } from '../errors.ts';

const codes: Partial<Readonly<Record<PulsarErrorCode, BusErrorCode>>> = {
  ConsumerBusy: 'subscription-busy',
  MessageTooBig: 'too-large',
  ProducerQueueIsFull: 'queue-full',
  InvalidTopicName: 'invalid-topic',
  TopicNotFound: 'log-ended',
  TopicTerminated: 'log-ended',
  AlreadyClosed: 'closed',
  ConnectError: 'unreachable',
  // Tokens and certificates are renewed while we wait, as brokers come up.
  AuthenticationError: 'unreachable',
};

/** What the bus says of a failure of the Pulsar client, while `what` was done. */
export function toBusError(error: unknown, what: string): BusError {
  if (error instanceof BusError) return error;
  if (!(error instanceof PulsarError)) return new BusError('refused', what, { cause: error });
  const message = `${what}: ${error.message}`;
  if (error.outcomeUnknown) return new BusError('outcome-unknown', message, { cause: error });
  const code = codes[error.code] ?? (error.retryable ? 'unreachable' : 'refused');
  // What isn't a Pulsar broker now won't be one in a moment.
  const retryable = code === 'unreachable' ? { retryable: error.retryable } : {};
  return new BusError(code, message, { cause: error, ...retryable });
}
