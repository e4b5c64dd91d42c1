// Hot path: every entry that is received passes through here.
import { uncompressed } from '../compression/compression.ts';
import { PulsarError } from '../errors.ts';
import { MessageId } from '../message-id.ts';
import { type CommandMessage, decodeEntry, type MessageMetadata } from '../wire/index.ts';
import type { BrokerEntry, Entry } from './entry-consumer.ts';

const nothing: Buffer = Buffer.alloc(0);
/** What a message takes in a batch at least: a size, and metadata that has the payload's size. */
const minMessageBytes = 6;
const noMetadata: MessageMetadata = { producerName: '', sequenceId: -1, publishTime: 0 };

export interface ReadEntryOptions {
  readonly partition: number;
  readonly session: number;
  /** Against payloads that claim to become huge. */
  readonly maxBytes: number;
}

/** An entry as the application gets it, or how it came damaged. Never throws: what can't be read says so. */
export function readEntry(command: CommandMessage, bytes: Buffer, options: ReadEntryOptions): Entry | PulsarError {
  const { ledgerId, entryId } = command.messageId;
  const messageId = new MessageId(ledgerId, entryId, options.partition);
  const redeliveryCount = command.redeliveryCount ?? 0;
  let wire: ReturnType<typeof decodeEntry>;
  try {
    wire = decodeEntry(bytes);
  } catch (cause) {
    // What the broker adds has no checksum, nor have the sizes ahead of it.
    return new PulsarError('InvalidMessage', `entry ${messageId.toString()} is malformed`, { cause });
  }
  if (!wire.checksumOk) {
    return new PulsarError('ChecksumError', `entry ${messageId.toString()} has a wrong checksum`);
  }
  const { metadata } = wire;
  const entry = {
    messageId,
    brokerEntry: brokerEntryOf(wire.brokerEntry),
    metadata,
    batch: metadata.numMessagesInBatch !== undefined,
    ackSet: metadata.numMessagesInBatch === undefined || command.ackSet?.length === 0 ? undefined : command.ackSet,
    count: Math.max(1, metadata.numMessagesInBatch ?? 1),
    payload: wire.payload,
    unreadable: undefined,
    session: options.session,
    redeliveryCount,
  };
  const plain = metadata.compression === undefined || metadata.compression === 0;
  // A chunk is a piece of what was compressed as a whole.
  const chunk = (metadata.numChunksFromMsg ?? 1) > 1;
  if (metadata.encryptionKeys === undefined && (plain || chunk)) return withSaneCount(entry);
  try {
    return withSaneCount({ ...entry, payload: plainPayload(metadata, wire.payload, options.maxBytes) });
  } catch (error) {
    if (!(error instanceof PulsarError)) throw error;
    return { ...entry, payload: nothing, unreadable: error };
  }
}

/** Who may write to a topic may write any number of messages into an entry's metadata, and others would make room for them. */
function withSaneCount(entry: Entry): Entry {
  const { batch, count, payload, messageId } = entry;
  if (!batch || count * minMessageBytes <= payload.length) return entry;
  const text = `entry ${messageId.toString()} says that it has ${count} messages, in ${payload.length} bytes`;
  return { ...entry, payload: nothing, unreadable: new PulsarError('InvalidMessage', text) };
}

/**
 * Stands for an entry whose checksum stays wrong. Of what it says only the number of its messages is believed: the broker
 * counts by it what it may yet send, and would send nothing more where this side counted less.
 */
export function damagedEntry(
  messageId: MessageId,
  unreadable: PulsarError,
  came: Pick<CommandMessage, 'redeliveryCount'> & { readonly bytes: Buffer; readonly session: number },
): Entry {
  const entry = unreadableEntry(messageId, unreadable, came.session, came.redeliveryCount ?? 0);
  try {
    const wire = decodeEntry(came.bytes, { verifyChecksum: false });
    return wire.checksumOk ? { ...entry, count: Math.max(1, wire.metadata.numMessagesInBatch ?? 1) } : entry;
  } catch {
    // The broker could make no more of it.
    return entry;
  }
}

/** Stands for an entry of which nothing can be told. */
function unreadableEntry(
  messageId: MessageId,
  unreadable: PulsarError,
  session: number,
  redeliveryCount: number,
): Entry {
  return {
    messageId,
    metadata: noMetadata,
    batch: false,
    count: 1,
    payload: nothing,
    unreadable,
    session,
    redeliveryCount,
  };
}

function plainPayload(metadata: MessageMetadata, payload: Buffer, maxBytes: number): Buffer {
  if (metadata.encryptionKeys !== undefined) {
    const how = metadata.encryptionAlgo ?? 'an algorithm that it does not name';
    throw new PulsarError('OperationNotSupported', `the entry is encrypted with ${how}, which is not supported yet`);
  }
  return uncompressed(metadata, payload, maxBytes);
}

function brokerEntryOf(
  brokerEntry: { readonly index?: number | undefined; readonly brokerTimestamp?: number | undefined } | undefined,
): BrokerEntry | undefined {
  if (brokerEntry?.index === undefined) return undefined;
  return { index: brokerEntry.index, brokerTimestampMs: brokerEntry.brokerTimestamp };
}
