export type { CommandAck } from './commands/ack.ts';
export type { CommandAckResponse } from './commands/ack-response.ts';
export type { CommandActiveConsumerChange } from './commands/active-consumer-change.ts';
export type { CommandAuthChallenge } from './commands/auth-challenge.ts';
export type { CommandAuthResponse } from './commands/auth-response.ts';
export type { CommandCloseConsumer } from './commands/close-consumer.ts';
export type { CommandCloseProducer } from './commands/close-producer.ts';
export type { CommandConnect } from './commands/connect.ts';
export type { CommandConnected } from './commands/connected.ts';
export type { CommandError } from './commands/error.ts';
export type { CommandFlow } from './commands/flow.ts';
export type { CommandGetLastMessageId } from './commands/get-last-message-id.ts';
export type { CommandGetLastMessageIdResponse } from './commands/get-last-message-id-response.ts';
export type { CommandGetTopicsOfNamespace } from './commands/get-topics-of-namespace.ts';
export type { CommandGetTopicsOfNamespaceResponse } from './commands/get-topics-of-namespace-response.ts';
export type { CommandLookupTopic } from './commands/lookup-topic.ts';
export type { CommandLookupTopicResponse } from './commands/lookup-topic-response.ts';
export type { CommandMessage } from './commands/message.ts';
export type { CommandPartitionedTopicMetadata } from './commands/partitioned-topic-metadata.ts';
export type { CommandPartitionedTopicMetadataResponse } from './commands/partitioned-topic-metadata-response.ts';
export type { CommandPing } from './commands/ping.ts';
export type { CommandPong } from './commands/pong.ts';
export type { CommandProducer } from './commands/producer.ts';
export type { CommandProducerSuccess } from './commands/producer-success.ts';
export type { CommandReachedEndOfTopic } from './commands/reached-end-of-topic.ts';
export type { CommandRedeliverUnacknowledgedMessages } from './commands/redeliver-unacknowledged-messages.ts';
export type { CommandSeek } from './commands/seek.ts';
export type { CommandSend } from './commands/send.ts';
export type { CommandSendError } from './commands/send-error.ts';
export type { CommandSendReceipt } from './commands/send-receipt.ts';
export type { CommandSubscribe } from './commands/subscribe.ts';
export type { CommandSuccess } from './commands/success.ts';
export type { CommandTopicMigrated } from './commands/topic-migrated.ts';
export type { CommandUnsubscribe } from './commands/unsubscribe.ts';
export { ackType, validationError } from './commands/ack.ts';
export { topicsMode } from './commands/get-topics-of-namespace.ts';
export { lookupResult } from './commands/lookup-topic-response.ts';
export { partitionedMetadataResult } from './commands/partitioned-topic-metadata-response.ts';
export { producerAccessMode } from './commands/producer.ts';
export { initialPosition, subType } from './commands/subscribe.ts';
export { migratedResource } from './commands/topic-migrated.ts';
export type { AuthData } from './auth-data.ts';
export { decodeBaseCommand, encodeBaseCommand } from './base-command.ts';
export type { BaseCommand, CommandMap, CommandName, KnownCommand } from './base-command.ts';
export { appendToBatch, BatchCursor } from './batch.ts';
export type { BrokerEntryMetadata } from './broker-entry-metadata.ts';
export { decodeEntry, encodeBrokerEntry, encodeEntry } from './entry.ts';
export type { DecodeEntryOptions, Entry } from './entry.ts';
export { WireError, wireErrors } from './errors.ts';
export type { WireErrorCode } from './errors.ts';
export type { FeatureFlags } from './feature-flags.ts';
export {
  DEFAULT_MAX_MESSAGE_BYTES,
  encodeFrame,
  encodePayloadFrame,
  FRAME_OVERHEAD_BYTES,
  FrameParser,
} from './frame.ts';
export type { Frame, FrameParserOptions } from './frame.ts';
export type { IntRange } from './int-range.ts';
export type { KeyLongValue } from './key-long-value.ts';
export { keySharedMode } from './key-shared-meta.ts';
export type { KeySharedMeta } from './key-shared-meta.ts';
export type { KeyValue } from './key-value.ts';
export {
  compareMessageIds,
  deserializeMessageId,
  earliestMessageId,
  latestMessageId,
  serializeMessageId,
} from './message-id.ts';
export type { MessageIdData } from './message-id.ts';
export { compressionType } from './message-metadata.ts';
export type { MessageMetadata } from './message-metadata.ts';
export { schemaType } from './schema.ts';
export type { Schema } from './schema.ts';
export { serverError, serverErrorName } from './server-error.ts';
export type { ServerErrorName } from './server-error.ts';
export { decodeSingleMessageMetadata } from './single-message-metadata.ts';
export type { SingleMessageMetadata } from './single-message-metadata.ts';
