import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerError, pulsarErrors } from '../src/errors.ts';
import { serverError } from '../src/wire/index.ts';

/** `Result` of the official C++ client, which the Node client's messages end with, without its prefix. */
const officialResults = `
  UnknownError InvalidConfiguration Timeout LookupError ConnectError ReadError AuthenticationError AuthorizationError
  ErrorGettingAuthenticationData BrokerMetadataError BrokerPersistenceError ChecksumError ConsumerBusy NotConnected
  AlreadyClosed InvalidMessage ConsumerNotInitialized ProducerNotInitialized ProducerBusy TooManyLookupRequestException
  InvalidTopicName InvalidUrl ServiceUnitNotReady OperationNotSupported ProducerBlockedQuotaExceededError
  ProducerBlockedQuotaExceededException ProducerQueueIsFull MessageTooBig TopicNotFound SubscriptionNotFound
  ConsumerNotFound UnsupportedVersionError TopicTerminated CryptoError IncompatibleSchema ConsumerAssignError
  CumulativeAcknowledgementNotAllowedError TransactionCoordinatorNotFoundError InvalidTxnStatusError NotAllowedError
  TransactionConflict TransactionNotFound ProducerFenced MemoryBufferIsFull Interrupted Disconnected`;

test('every code is a result of the official clients, and is described', () => {
  const official = new Set(officialResults.trim().split(/\s+/));
  for (const [code, { description }] of Object.entries(pulsarErrors)) {
    assert.ok(official.has(code), code);
    assert.match(description, /^[A-Z].*\.$/, code);
  }
});

test('every error of the broker has a code of its own, and keeps what it says', () => {
  for (const [name, number] of Object.entries(serverError)) {
    const error = brokerError(number, 'the broker says why', 'doing it');
    assert.equal(error.code === 'UnknownError', name === 'UnknownError', name);
    assert.equal(error.message, 'doing it: the broker says why');
    assert.equal(error.retryable, pulsarErrors[error.code].retryable);
  }
  assert.equal(brokerError(999, '', 'doing it').message, 'doing it: error 999');
  assert.equal(brokerError(999, 'new', 'doing it').code, 'UnknownError');
});
