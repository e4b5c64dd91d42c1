import { describeError, PharosError } from '@pharos/errors';

import { type ServerErrorName, serverErrorName } from './wire/index.ts';

/** Result codes by the names that the official clients give them. */
export const pulsarErrors = {
  UnknownError: { retryable: true, description: 'The broker failed without a name for it.' },
  InvalidConfiguration: {
    retryable: false,
    description: 'An option is missing, wrong, or not supported by this client.',
  },
  Timeout: { retryable: true, description: 'No answer came in time.' },
  LookupError: { retryable: true, description: 'No broker that serves the topic was found.' },
  ConnectError: {
    retryable: true,
    description: 'The broker could not be reached, or what answered is not a Pulsar broker.',
  },
  ReadError: { retryable: true, description: 'What came over the connection is not the protocol.' },
  AuthenticationError: { retryable: false, description: 'The broker does not accept the credentials.' },
  AuthorizationError: { retryable: false, description: 'The credentials do not allow this.' },
  BrokerMetadataError: { retryable: true, description: "The broker's metadata store failed." },
  BrokerPersistenceError: { retryable: true, description: "The broker's storage failed." },
  ChecksumError: { retryable: true, description: 'The checksum of a message does not match its bytes.' },
  ConsumerBusy: { retryable: true, description: 'The subscription has a consumer that excludes this one.' },
  NotConnected: { retryable: true, description: 'There is no connection to the broker at the moment.' },
  AlreadyClosed: { retryable: false, description: 'The client, producer, consumer or reader was closed.' },
  InvalidMessage: { retryable: false, description: 'The message can not be sent or read as it is.' },
  ConsumerNotInitialized: { retryable: true, description: 'The consumer is not known to the broker.' },
  ProducerNotInitialized: { retryable: true, description: 'The producer is not known to the broker.' },
  ProducerBusy: { retryable: false, description: 'A producer of this name is connected to the topic already.' },
  ProducerFenced: { retryable: false, description: 'Another producer has taken exclusive access to the topic.' },
  TooManyLookupRequestException: { retryable: true, description: 'The broker has too many requests under way.' },
  InvalidTopicName: { retryable: false, description: 'The topic name is not one.' },
  InvalidUrl: { retryable: false, description: 'The service URL is not one.' },
  ServiceUnitNotReady: { retryable: true, description: 'The topic is being moved or loaded.' },
  OperationNotSupported: { retryable: false, description: 'This client or broker can not do that.' },
  ProducerBlockedQuotaExceededError: { retryable: true, description: "The topic's backlog quota is used up." },
  ProducerBlockedQuotaExceededException: { retryable: true, description: "The topic's backlog quota is used up." },
  ProducerQueueIsFull: { retryable: true, description: 'Too many messages wait for the broker already.' },
  MessageTooBig: { retryable: false, description: 'The message is larger than the broker takes.' },
  TopicNotFound: { retryable: false, description: 'There is no such topic.' },
  SubscriptionNotFound: { retryable: false, description: 'There is no such subscription.' },
  ConsumerNotFound: { retryable: true, description: 'The broker no longer has the consumer.' },
  UnsupportedVersionError: { retryable: false, description: 'The broker is too old for what was asked.' },
  TopicTerminated: { retryable: false, description: 'The topic was terminated: nothing more can be written to it.' },
  CryptoError: { retryable: false, description: 'A message could not be encrypted or decrypted.' },
  IncompatibleSchema: { retryable: false, description: "The schema does not fit the topic's." },
  ConsumerAssignError: { retryable: true, description: 'The broker could not assign the consumer.' },
  CumulativeAcknowledgementNotAllowedError: {
    retryable: false,
    description: 'A subscription without order can not acknowledge all up to a message.',
  },
  TransactionCoordinatorNotFoundError: { retryable: true, description: 'No broker coordinates the transaction.' },
  TransactionConflict: { retryable: false, description: 'The transaction conflicts with another.' },
  TransactionNotFound: { retryable: false, description: 'There is no such transaction.' },
  InvalidTxnStatusError: { retryable: false, description: 'The transaction is not in a state for this.' },
  NotAllowedError: { retryable: false, description: 'The broker does not allow this on this topic.' },
  Interrupted: { retryable: true, description: 'The operation was called off.' },
} as const;

export type PulsarErrorCode = keyof typeof pulsarErrors;

export interface PulsarErrorDetails {
  readonly cause?: unknown;
  readonly retryable?: boolean;
  /** See {@link PulsarError.outcomeUnknown}. */
  readonly outcomeUnknown?: boolean;
}

/** What this client throws; `code` is one of {@link pulsarErrors}. */
export class PulsarError extends PharosError<PulsarErrorCode> {
  /** A message was on the wire when its sending failed: the broker may have stored it. */
  readonly outcomeUnknown: boolean;

  constructor(code: PulsarErrorCode, message: string, details: PulsarErrorDetails = {}) {
    super(pulsarErrors, code, message, details);
    this.outcomeUnknown = details.outcomeUnknown ?? false;
  }
}

const codes: Readonly<Record<ServerErrorName, PulsarErrorCode>> = {
  UnknownError: 'UnknownError',
  MetadataError: 'BrokerMetadataError',
  PersistenceError: 'BrokerPersistenceError',
  AuthenticationError: 'AuthenticationError',
  AuthorizationError: 'AuthorizationError',
  ConsumerBusy: 'ConsumerBusy',
  ServiceNotReady: 'ServiceUnitNotReady',
  ProducerBlockedQuotaExceededError: 'ProducerBlockedQuotaExceededError',
  ProducerBlockedQuotaExceededException: 'ProducerBlockedQuotaExceededException',
  ChecksumError: 'ChecksumError',
  UnsupportedVersionError: 'UnsupportedVersionError',
  TopicNotFound: 'TopicNotFound',
  SubscriptionNotFound: 'SubscriptionNotFound',
  ConsumerNotFound: 'ConsumerNotFound',
  TooManyRequests: 'TooManyLookupRequestException',
  TopicTerminatedError: 'TopicTerminated',
  ProducerBusy: 'ProducerBusy',
  InvalidTopicName: 'InvalidTopicName',
  IncompatibleSchema: 'IncompatibleSchema',
  ConsumerAssignError: 'ConsumerAssignError',
  TransactionCoordinatorNotFound: 'TransactionCoordinatorNotFoundError',
  InvalidTxnStatus: 'InvalidTxnStatusError',
  NotAllowedError: 'NotAllowedError',
  TransactionConflict: 'TransactionConflict',
  TransactionNotFound: 'TransactionNotFound',
  ProducerFenced: 'ProducerFenced',
};

/** The error that a broker sent, while `what` was asked of it. */
export function brokerError(number: number | undefined, message: string | undefined, what: string): PulsarError {
  const name = number === undefined ? undefined : serverErrorName(number);
  const text = message === undefined || message === '' ? `error ${number ?? 0}` : message;
  return new PulsarError(name === undefined ? 'UnknownError' : codes[name], `${what}: ${text}`);
}

/** Anything that was thrown as a PulsarError. */
export function asPulsarError(error: unknown, code: PulsarErrorCode, what: string): PulsarError {
  if (error instanceof PulsarError) return error;
  return new PulsarError(code, `${what}: ${describeError(error)}`, { cause: error });
}
