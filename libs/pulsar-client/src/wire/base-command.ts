/*
 * BaseCommand
 *    1 required enum type, then one message whose field number is the type's number
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeCommandAck, encodeCommandAck } from './commands/ack.ts';
import type { CommandAck } from './commands/ack.ts';
import { decodeCommandAckResponse, encodeCommandAckResponse } from './commands/ack-response.ts';
import type { CommandAckResponse } from './commands/ack-response.ts';
import {
  decodeCommandActiveConsumerChange,
  encodeCommandActiveConsumerChange,
} from './commands/active-consumer-change.ts';
import type { CommandActiveConsumerChange } from './commands/active-consumer-change.ts';
import { decodeCommandAuthChallenge, encodeCommandAuthChallenge } from './commands/auth-challenge.ts';
import type { CommandAuthChallenge } from './commands/auth-challenge.ts';
import { decodeCommandAuthResponse, encodeCommandAuthResponse } from './commands/auth-response.ts';
import type { CommandAuthResponse } from './commands/auth-response.ts';
import { decodeCommandCloseConsumer, encodeCommandCloseConsumer } from './commands/close-consumer.ts';
import type { CommandCloseConsumer } from './commands/close-consumer.ts';
import { decodeCommandCloseProducer, encodeCommandCloseProducer } from './commands/close-producer.ts';
import type { CommandCloseProducer } from './commands/close-producer.ts';
import { decodeCommandConnect, encodeCommandConnect } from './commands/connect.ts';
import type { CommandConnect } from './commands/connect.ts';
import { decodeCommandConnected, encodeCommandConnected } from './commands/connected.ts';
import type { CommandConnected } from './commands/connected.ts';
import { decodeCommandError, encodeCommandError } from './commands/error.ts';
import type { CommandError } from './commands/error.ts';
import { decodeCommandFlow, encodeCommandFlow } from './commands/flow.ts';
import type { CommandFlow } from './commands/flow.ts';
import { decodeCommandGetLastMessageId, encodeCommandGetLastMessageId } from './commands/get-last-message-id.ts';
import type { CommandGetLastMessageId } from './commands/get-last-message-id.ts';
import {
  decodeCommandGetLastMessageIdResponse,
  encodeCommandGetLastMessageIdResponse,
} from './commands/get-last-message-id-response.ts';
import type { CommandGetLastMessageIdResponse } from './commands/get-last-message-id-response.ts';
import {
  decodeCommandGetTopicsOfNamespace,
  encodeCommandGetTopicsOfNamespace,
} from './commands/get-topics-of-namespace.ts';
import type { CommandGetTopicsOfNamespace } from './commands/get-topics-of-namespace.ts';
import {
  decodeCommandGetTopicsOfNamespaceResponse,
  encodeCommandGetTopicsOfNamespaceResponse,
} from './commands/get-topics-of-namespace-response.ts';
import type { CommandGetTopicsOfNamespaceResponse } from './commands/get-topics-of-namespace-response.ts';
import { decodeCommandLookupTopic, encodeCommandLookupTopic } from './commands/lookup-topic.ts';
import type { CommandLookupTopic } from './commands/lookup-topic.ts';
import {
  decodeCommandLookupTopicResponse,
  encodeCommandLookupTopicResponse,
} from './commands/lookup-topic-response.ts';
import type { CommandLookupTopicResponse } from './commands/lookup-topic-response.ts';
import { decodeCommandMessage, encodeCommandMessage } from './commands/message.ts';
import type { CommandMessage } from './commands/message.ts';
import {
  decodeCommandPartitionedTopicMetadata,
  encodeCommandPartitionedTopicMetadata,
} from './commands/partitioned-topic-metadata.ts';
import type { CommandPartitionedTopicMetadata } from './commands/partitioned-topic-metadata.ts';
import {
  decodeCommandPartitionedTopicMetadataResponse,
  encodeCommandPartitionedTopicMetadataResponse,
} from './commands/partitioned-topic-metadata-response.ts';
import type { CommandPartitionedTopicMetadataResponse } from './commands/partitioned-topic-metadata-response.ts';
import { decodeCommandPing, encodeCommandPing } from './commands/ping.ts';
import type { CommandPing } from './commands/ping.ts';
import { decodeCommandPong, encodeCommandPong } from './commands/pong.ts';
import type { CommandPong } from './commands/pong.ts';
import { decodeCommandProducer, encodeCommandProducer } from './commands/producer.ts';
import type { CommandProducer } from './commands/producer.ts';
import { decodeCommandProducerSuccess, encodeCommandProducerSuccess } from './commands/producer-success.ts';
import type { CommandProducerSuccess } from './commands/producer-success.ts';
import { decodeCommandReachedEndOfTopic, encodeCommandReachedEndOfTopic } from './commands/reached-end-of-topic.ts';
import type { CommandReachedEndOfTopic } from './commands/reached-end-of-topic.ts';
import {
  decodeCommandRedeliverUnacknowledgedMessages,
  encodeCommandRedeliverUnacknowledgedMessages,
} from './commands/redeliver-unacknowledged-messages.ts';
import type { CommandRedeliverUnacknowledgedMessages } from './commands/redeliver-unacknowledged-messages.ts';
import { decodeCommandSeek, encodeCommandSeek } from './commands/seek.ts';
import type { CommandSeek } from './commands/seek.ts';
import { decodeCommandSend, encodeCommandSend } from './commands/send.ts';
import type { CommandSend } from './commands/send.ts';
import { decodeCommandSendError, encodeCommandSendError } from './commands/send-error.ts';
import type { CommandSendError } from './commands/send-error.ts';
import { decodeCommandSendReceipt, encodeCommandSendReceipt } from './commands/send-receipt.ts';
import type { CommandSendReceipt } from './commands/send-receipt.ts';
import { decodeCommandSubscribe, encodeCommandSubscribe } from './commands/subscribe.ts';
import type { CommandSubscribe } from './commands/subscribe.ts';
import { decodeCommandSuccess, encodeCommandSuccess } from './commands/success.ts';
import type { CommandSuccess } from './commands/success.ts';
import { decodeCommandTopicMigrated, encodeCommandTopicMigrated } from './commands/topic-migrated.ts';
import type { CommandTopicMigrated } from './commands/topic-migrated.ts';
import { decodeCommandUnsubscribe, encodeCommandUnsubscribe } from './commands/unsubscribe.ts';
import type { CommandUnsubscribe } from './commands/unsubscribe.ts';
import { asWireError, WireError } from './errors.ts';
import { readMessage, readTag, readUint32, skipField, writeMessage, writeUint } from './protobuf.ts';

/** Every command by its name. A new command is a file in `commands/`, a line here and a line in `codecs`. */
export interface CommandMap {
  readonly connect: CommandConnect;
  readonly connected: CommandConnected;
  readonly subscribe: CommandSubscribe;
  readonly producer: CommandProducer;
  readonly send: CommandSend;
  readonly sendReceipt: CommandSendReceipt;
  readonly sendError: CommandSendError;
  readonly message: CommandMessage;
  readonly ack: CommandAck;
  readonly flow: CommandFlow;
  readonly unsubscribe: CommandUnsubscribe;
  readonly success: CommandSuccess;
  readonly error: CommandError;
  readonly closeProducer: CommandCloseProducer;
  readonly closeConsumer: CommandCloseConsumer;
  readonly producerSuccess: CommandProducerSuccess;
  readonly ping: CommandPing;
  readonly pong: CommandPong;
  readonly redeliverUnacknowledgedMessages: CommandRedeliverUnacknowledgedMessages;
  readonly partitionedMetadata: CommandPartitionedTopicMetadata;
  readonly partitionedMetadataResponse: CommandPartitionedTopicMetadataResponse;
  readonly lookup: CommandLookupTopic;
  readonly lookupResponse: CommandLookupTopicResponse;
  readonly reachedEndOfTopic: CommandReachedEndOfTopic;
  readonly seek: CommandSeek;
  readonly getLastMessageId: CommandGetLastMessageId;
  readonly getLastMessageIdResponse: CommandGetLastMessageIdResponse;
  readonly activeConsumerChange: CommandActiveConsumerChange;
  readonly getTopicsOfNamespace: CommandGetTopicsOfNamespace;
  readonly getTopicsOfNamespaceResponse: CommandGetTopicsOfNamespaceResponse;
  readonly authChallenge: CommandAuthChallenge;
  readonly authResponse: CommandAuthResponse;
  readonly ackResponse: CommandAckResponse;
  readonly topicMigrated: CommandTopicMigrated;
}

export type CommandName = keyof CommandMap;

/** A command that this codec knows, told apart by `type`. */
export type KnownCommand = {
  [Name in CommandName]: { readonly type: Name; readonly command: CommandMap[Name] };
}[CommandName];

/** What a frame carries: a known command, or the number of one that isn't known here. */
export type BaseCommand = KnownCommand | { readonly type: 'unknown'; readonly number: number };

interface CommandCodec<Command> {
  /** `BaseCommand.Type`, which is the number of the command's field too. */
  readonly number: number;
  readonly encode: (writer: ByteWriter, command: Command) => void;
  readonly decode: (reader: ByteReader) => Command;
}

const codecs: { readonly [Name in CommandName]: CommandCodec<CommandMap[Name]> } = {
  connect: { number: 2, encode: encodeCommandConnect, decode: decodeCommandConnect },
  connected: { number: 3, encode: encodeCommandConnected, decode: decodeCommandConnected },
  subscribe: { number: 4, encode: encodeCommandSubscribe, decode: decodeCommandSubscribe },
  producer: { number: 5, encode: encodeCommandProducer, decode: decodeCommandProducer },
  send: { number: 6, encode: encodeCommandSend, decode: decodeCommandSend },
  sendReceipt: { number: 7, encode: encodeCommandSendReceipt, decode: decodeCommandSendReceipt },
  sendError: { number: 8, encode: encodeCommandSendError, decode: decodeCommandSendError },
  message: { number: 9, encode: encodeCommandMessage, decode: decodeCommandMessage },
  ack: { number: 10, encode: encodeCommandAck, decode: decodeCommandAck },
  flow: { number: 11, encode: encodeCommandFlow, decode: decodeCommandFlow },
  unsubscribe: { number: 12, encode: encodeCommandUnsubscribe, decode: decodeCommandUnsubscribe },
  success: { number: 13, encode: encodeCommandSuccess, decode: decodeCommandSuccess },
  error: { number: 14, encode: encodeCommandError, decode: decodeCommandError },
  closeProducer: { number: 15, encode: encodeCommandCloseProducer, decode: decodeCommandCloseProducer },
  closeConsumer: { number: 16, encode: encodeCommandCloseConsumer, decode: decodeCommandCloseConsumer },
  producerSuccess: { number: 17, encode: encodeCommandProducerSuccess, decode: decodeCommandProducerSuccess },
  ping: { number: 18, encode: encodeCommandPing, decode: decodeCommandPing },
  pong: { number: 19, encode: encodeCommandPong, decode: decodeCommandPong },
  redeliverUnacknowledgedMessages: {
    number: 20,
    encode: encodeCommandRedeliverUnacknowledgedMessages,
    decode: decodeCommandRedeliverUnacknowledgedMessages,
  },
  partitionedMetadata: {
    number: 21,
    encode: encodeCommandPartitionedTopicMetadata,
    decode: decodeCommandPartitionedTopicMetadata,
  },
  partitionedMetadataResponse: {
    number: 22,
    encode: encodeCommandPartitionedTopicMetadataResponse,
    decode: decodeCommandPartitionedTopicMetadataResponse,
  },
  lookup: { number: 23, encode: encodeCommandLookupTopic, decode: decodeCommandLookupTopic },
  lookupResponse: { number: 24, encode: encodeCommandLookupTopicResponse, decode: decodeCommandLookupTopicResponse },
  reachedEndOfTopic: { number: 27, encode: encodeCommandReachedEndOfTopic, decode: decodeCommandReachedEndOfTopic },
  seek: { number: 28, encode: encodeCommandSeek, decode: decodeCommandSeek },
  getLastMessageId: { number: 29, encode: encodeCommandGetLastMessageId, decode: decodeCommandGetLastMessageId },
  getLastMessageIdResponse: {
    number: 30,
    encode: encodeCommandGetLastMessageIdResponse,
    decode: decodeCommandGetLastMessageIdResponse,
  },
  activeConsumerChange: {
    number: 31,
    encode: encodeCommandActiveConsumerChange,
    decode: decodeCommandActiveConsumerChange,
  },
  getTopicsOfNamespace: {
    number: 32,
    encode: encodeCommandGetTopicsOfNamespace,
    decode: decodeCommandGetTopicsOfNamespace,
  },
  getTopicsOfNamespaceResponse: {
    number: 33,
    encode: encodeCommandGetTopicsOfNamespaceResponse,
    decode: decodeCommandGetTopicsOfNamespaceResponse,
  },
  authChallenge: { number: 36, encode: encodeCommandAuthChallenge, decode: decodeCommandAuthChallenge },
  authResponse: { number: 37, encode: encodeCommandAuthResponse, decode: decodeCommandAuthResponse },
  ackResponse: { number: 38, encode: encodeCommandAckResponse, decode: decodeCommandAckResponse },
  topicMigrated: { number: 68, encode: encodeCommandTopicMigrated, decode: decodeCommandTopicMigrated },
};

const namesByNumber: ReadonlyArray<CommandName | undefined> = indexNames();

/** Writes a BaseCommand without the sizes around it. */
export function encodeBaseCommand(writer: ByteWriter, base: KnownCommand): void {
  encodeCommand(writer, base.type, base.command);
}

/**
 * Reads a BaseCommand that fills the reader's window. Byte fields are views into its buffer.
 *
 * @throws {WireError} `malformed`, `missing_field`
 */
export function decodeBaseCommand(reader: ByteReader): BaseCommand {
  try {
    return decode(reader);
  } catch (error) {
    throw asWireError(error, 'command');
  }
}

function decode(reader: ByteReader): BaseCommand {
  const start = reader.position;
  const number = findType(reader);
  const name = namesByNumber[number];
  if (name === undefined) return { type: 'unknown', number };
  reader.position = start;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    if (tag >>> 3 === number)
      return { type: name, command: readMessage(reader, tag, codecs[name].decode) } as KnownCommand;
    skipField(reader, tag);
  }
  throw new WireError('missing_field', `command of type ${number} lacks its field ${number} (${name})`);
}

/** Looks for the type, which every known client and broker writes first, though Protobuf doesn't ask for an order. */
function findType(reader: ByteReader): number {
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    if (tag >>> 3 === 1) return readUint32(reader, tag);
    skipField(reader, tag);
  }
  throw new WireError('missing_field', 'required field BaseCommand.type is absent');
}

function encodeCommand<Name extends CommandName>(writer: ByteWriter, name: Name, command: CommandMap[Name]): void {
  const codec = codecs[name];
  writeUint(writer, 1, codec.number);
  writeMessage(writer, codec.number, command, codec.encode);
}

function indexNames(): Array<CommandName | undefined> {
  const names: Array<CommandName | undefined> = [];
  for (const [name, codec] of Object.entries(codecs)) names[codec.number] = name as CommandName;
  return names;
}
