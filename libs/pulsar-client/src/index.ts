export { accessFromTexts } from './access-from-texts.ts';
export type { AccessTexts } from './access-from-texts.ts';
export { PulsarAdmin } from './admin/admin.ts';
export { AdminError, adminErrors } from './admin/admin-error.ts';
export type { AdminErrorCode } from './admin/admin-error.ts';
export type {
  BacklogQuota,
  BacklogQuotaType,
  InactiveTopicPolicy,
  Properties,
  PulsarAdminConfig,
  RetentionPolicy,
} from './admin/admin-types.ts';
export { Authentication } from './auth/authentication.ts';
export type { ClientCertificate, Credentials } from './auth/authentication.ts';
export { AuthenticationBasic } from './auth/basic.ts';
export type { BasicParameters } from './auth/basic.ts';
export { AuthenticationTls } from './auth/tls.ts';
export type { TlsParameters } from './auth/tls.ts';
export { AuthenticationToken } from './auth/token.ts';
export type { TokenParameters, TokenSupplier } from './auth/token.ts';
export { AuthenticationAthenz, AuthenticationOauth2 } from './auth/unsupported.ts';
export type { AutoClusterFailoverConfig, ServiceInfo } from './cluster-settings.ts';
export type { AccessOptions } from './connection/access-settings.ts';
export { Client } from './client.ts';
export type { ClientConfig } from './client-config.ts';
export type { Consumer } from './consumer/consumer.ts';
export type {
  ConsumerBatchReceivePolicy,
  ConsumerConfig,
  InitialPosition,
  SubscriptionType,
} from './consumer/consumer-config.ts';
export type { DeadLetterPolicy } from './consumer/dead-letter-policy.ts';
export type {
  ConsumerKeyShareMode,
  ConsumerKeyShareStickyRange,
  KeySharedPolicy,
} from './consumer/key-shared.ts';
export { EntryCursor } from './consumer/entry-cursor.ts';
export type {
  BrokerEntry,
  Entry,
  EntryConsumer,
  EntryConsumerConfig,
  EntryConsumerEvent,
} from './consumer/entry-consumer.ts';
export type { Message } from './consumer/message.ts';
export type { RedeliveryBackoff } from './consumer/redelivery-settings.ts';
export { PulsarError, pulsarErrors } from './errors.ts';
export type { PulsarErrorCode, PulsarErrorDetails } from './errors.ts';
export { MessageId } from './message-id.ts';
export type { MessageIdParts } from './message-id.ts';
export type { Logger } from './logger.ts';
export type { PulsarMetrics } from './metrics.ts';
export type { Producer } from './producer/producer.ts';
export type {
  CompressionType,
  HashingScheme,
  MessageRouter,
  MessageRoutingMode,
  ProducerBatchType,
  ProducerConfig,
  ProducerMessage,
  TopicMetadata,
} from './producer/producer-config.ts';
export type { Reader, ReaderConfig } from './reader/reader.ts';
export type { KeyValue, MessageMetadata } from './wire/index.ts';
