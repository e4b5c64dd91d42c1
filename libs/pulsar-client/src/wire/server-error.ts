/*
 * enum ServerError: the numbers that ERROR, SEND_ERROR and several responses carry.
 */

/** The protocol's error numbers by their official names. */
export const serverError = {
  UnknownError: 0,
  MetadataError: 1,
  PersistenceError: 2,
  AuthenticationError: 3,
  AuthorizationError: 4,
  ConsumerBusy: 5,
  ServiceNotReady: 6,
  ProducerBlockedQuotaExceededError: 7,
  ProducerBlockedQuotaExceededException: 8,
  ChecksumError: 9,
  UnsupportedVersionError: 10,
  TopicNotFound: 11,
  SubscriptionNotFound: 12,
  ConsumerNotFound: 13,
  TooManyRequests: 14,
  TopicTerminatedError: 15,
  ProducerBusy: 16,
  InvalidTopicName: 17,
  IncompatibleSchema: 18,
  ConsumerAssignError: 19,
  TransactionCoordinatorNotFound: 20,
  InvalidTxnStatus: 21,
  NotAllowedError: 22,
  TransactionConflict: 23,
  TransactionNotFound: 24,
  ProducerFenced: 25,
} as const;

export type ServerErrorName = keyof typeof serverError;

const namesByNumber: ReadonlyArray<ServerErrorName> = Object.keys(serverError) as ServerErrorName[];

/** The official name of an error number; `undefined` for one that a newer broker may know and this table doesn't. */
export function serverErrorName(number: number): ServerErrorName | undefined {
  return namesByNumber[number];
}
