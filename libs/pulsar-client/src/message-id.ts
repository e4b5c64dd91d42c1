import { asPulsarError } from './errors.ts';
import {
  compareMessageIds,
  deserializeMessageId,
  earliestMessageId,
  latestMessageId,
  type MessageIdData,
  serializeMessageId,
} from './wire/index.ts';

/** The parts of a message id; a {@link MessageId} has them, and so may anything else that says where a message lies. */
export interface MessageIdParts {
  readonly ledgerId: bigint;
  readonly entryId: bigint;
  /** −1: the topic is not partitioned. @default -1 */
  readonly partition?: number | undefined;
  /** −1: not in a batch, or the whole entry. @default -1 */
  readonly batchIndex?: number | undefined;
  /** @default 0 */
  readonly batchSize?: number | undefined;
  /** Of a message in chunks, whose id is otherwise its last chunk's. */
  readonly firstChunkMessageId?: MessageIdParts | undefined;
}

/** Where a message lies. */
export class MessageId {
  readonly ledgerId: bigint;
  /** −1 where there is none: an empty topic's last message id. */
  readonly entryId: bigint;
  /** −1: the topic is not partitioned. */
  readonly partition: number;
  /** −1: not in a batch, or the whole entry. */
  readonly batchIndex: number;
  readonly batchSize: number;
  /** Of a message in chunks: where its first chunk lies; the rest is where the last one does. */
  readonly firstChunkMessageId: MessageId | undefined;

  constructor(
    ledgerId: bigint,
    entryId: bigint,
    partition = -1,
    batchIndex = -1,
    batchSize = 0,
    firstChunkMessageId?: MessageId,
  ) {
    this.ledgerId = ledgerId;
    this.entryId = entryId;
    this.partition = partition;
    this.batchIndex = batchIndex;
    this.batchSize = batchSize;
    this.firstChunkMessageId = firstChunkMessageId;
  }

  /** Before the first message that is kept. */
  static earliest(): MessageId {
    return MessageId.of(earliestMessageId);
  }

  /** After the last message. */
  static latest(): MessageId {
    return MessageId.of(latestMessageId);
  }

  /** Reads what {@link serialize} of this or an official client wrote. @throws PulsarError `InvalidMessage` */
  static deserialize(data: Uint8Array): MessageId {
    try {
      return MessageId.of(deserializeMessageId(data));
    } catch (error) {
      throw asPulsarError(error, 'InvalidMessage', 'reading a message id');
    }
  }

  static of(parts: MessageIdParts): MessageId {
    if (parts instanceof MessageId) return parts;
    const { ledgerId, entryId, partition, batchIndex, batchSize, firstChunkMessageId } = parts;
    const first = firstChunkMessageId === undefined ? undefined : MessageId.of(firstChunkMessageId);
    return new MessageId(ledgerId, entryId, partition, batchIndex, batchSize, first);
  }

  /** The same bytes that the official clients write. */
  serialize(): Buffer {
    return serializeMessageId(this);
  }

  /** Below 0, 0 or above 0: ledger, entry, partition, batch index. */
  compare(other: MessageIdParts): number {
    return compareMessageIds(this, other);
  }

  /** `(ledger,entry,partition,batchIndex)` */
  toString(): string {
    return `(${this.ledgerId},${this.entryId},${this.partition},${this.batchIndex})`;
  }
}

/** The part of an id that goes to the broker where a whole entry is meant. */
export function entryIdData(id: MessageIdParts): MessageIdData {
  return { ledgerId: id.ledgerId, entryId: id.entryId, partition: partitionOrNone(id.partition) };
}

function partitionOrNone(partition: number | undefined): number | undefined {
  return partition === undefined || partition < 0 ? undefined : partition;
}
