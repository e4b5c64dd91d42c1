import { describeError } from '@pharos/errors';
import { uncompressed } from '../compression/compression.ts';
import { asPulsarError, PulsarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { MessageId } from '../message-id.ts';
import type { MessageMetadata } from '../wire/index.ts';
import type { Entry } from './entry-consumer.ts';

export interface ChunkLimits {
  /** Messages of one partition of which some chunks have come and others not. */
  readonly maxMessages: number;
  /** What the largest message may have, and the incomplete ones of one partition together. */
  readonly maxBytes: number;
  /** Whether the oldest, where there are too many, is acknowledged; else it comes again with the next connection. */
  readonly acknowledgeOldest: boolean;
  /** How long a message may be incomplete before it is given up and acknowledged; 0: as long as it takes. */
  readonly expireMs: number;
}

/** The defaults of the official client, and a bound on memory that it doesn't have. */
export const defaultChunkLimits: ChunkLimits = {
  maxMessages: 10,
  maxBytes: 256 * 1024 * 1024,
  acknowledgeOldest: false,
  expireMs: 60_000,
};

export interface ChunkAssemblyParts {
  readonly topic: string;
  readonly limits: ChunkLimits;
  readonly logger: Logger;
  /** Entries that no message will come of. */
  readonly acknowledge: (ids: readonly MessageId[]) => void;
}

/** Beyond it the oldest is forgotten, of which late chunks may then be acknowledged. */
const maxPutOff = 10_000;

interface Incomplete {
  readonly ids: MessageId[];
  readonly pieces: Buffer[];
  readonly beganAt: number;
  readonly chunks: number;
  bytes: number;
}

export interface Chunked {
  readonly entry: Entry;
  /** Where its chunks lie, in order. */
  readonly ids: readonly MessageId[];
}

/** Whether an entry is one of several chunks of a message. */
export function isChunk({ numChunksFromMsg }: MessageMetadata): boolean {
  return (numChunksFromMsg ?? 1) > 1;
}

/** Puts the chunks of one topic or partition together; those of several producers may come interleaved. */
export class ChunkAssembly {
  readonly #parts: ChunkAssemblyParts;
  /** By the id that their producers gave them, oldest first. */
  readonly #incomplete = new Map<string, Incomplete>();
  /** Given up without being acknowledged, so that they come again: their last chunks must then come too. */
  readonly #putOff = new Set<string>();
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ChunkAssemblyParts) {
    this.#parts = parts;
  }

  /** Where the chunks lie that wait for others. */
  *waiting(): Generator<MessageId> {
    for (const { ids } of this.#incomplete.values()) yield ids[0] as MessageId;
  }

  /** Takes a chunk in. The message where it was the last; `orphan`: of a message whose beginning isn't there. */
  add(entry: Entry): Chunked | 'waits' | 'orphan' {
    const { metadata, messageId, payload } = entry;
    const { chunkId = -1, numChunksFromMsg: chunks = 1 } = metadata;
    const key = keyOf(metadata);
    let message = this.#incomplete.get(key);
    if (chunkId < 0 || chunkId >= chunks) return broken(entry, [messageId], `it is chunk ${chunkId} of ${chunks}`);
    const known = message?.ids[chunkId];
    if (message !== undefined && known !== undefined) {
      if (known.compare(messageId) === 0) return 'waits';
      if (chunkId > 0) {
        // Its producer sent it again, because it didn't know that it is there.
        this.#parts.acknowledge([messageId]);
        return 'waits';
      }
      // Begun again: by the same producer, or by another of its name that knows nothing of the first.
      this.#parts.acknowledge(message.ids);
      this.#remove(key, message);
      message = undefined;
    }
    if (chunkId !== (message?.ids.length ?? 0) || (message !== undefined && message.chunks !== chunks)) {
      if (message !== undefined) this.#remove(key, message);
      return 'orphan';
    }
    message ??= this.#begin(key, chunks);
    message.ids.push(messageId);
    message.pieces.push(payload);
    message.bytes += payload.length;
    this.#bytes += payload.length;
    this.#makeRoom();
    if (message.ids.length < chunks || this.#incomplete.get(key) !== message) return 'waits';
    this.#remove(key, message);
    return this.#whole(entry, message);
  }

  /** All that waits comes again, or is not wanted any more. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#incomplete.clear();
    this.#putOff.clear();
    this.#bytes = 0;
  }

  /** Whether nobody needs to wait any more for what this chunk belongs to. */
  isExpired({ metadata }: Entry): boolean {
    const { expireMs } = this.#parts.limits;
    if (this.#putOff.has(keyOf(metadata))) return false;
    return expireMs > 0 && Date.now() - metadata.publishTime > expireMs;
  }

  #begin(key: string, chunks: number): Incomplete {
    this.#putOff.delete(key);
    const message: Incomplete = { ids: [], pieces: [], beganAt: performance.now(), chunks, bytes: 0 };
    this.#incomplete.set(key, message);
    this.#arm();
    return message;
  }

  #remove(key: string, message: Incomplete): void {
    this.#incomplete.delete(key);
    this.#bytes -= message.bytes;
  }

  #makeRoom(): void {
    const { maxMessages, maxBytes, acknowledgeOldest } = this.#parts.limits;
    for (const [key, message] of this.#incomplete) {
      if (this.#incomplete.size <= maxMessages && this.#bytes <= maxBytes) return;
      this.#giveUp(key, message, acknowledgeOldest, 'too many messages wait for chunks: the oldest is given up');
    }
  }

  #giveUp(key: string, message: Incomplete, acknowledge: boolean, why: string): void {
    this.#remove(key, message);
    if (acknowledge) this.#parts.acknowledge(message.ids);
    else this.#putOff.add(key);
    for (const oldest of this.#putOff) {
      if (this.#putOff.size <= maxPutOff) break;
      this.#putOff.delete(oldest);
    }
    const { topic, logger } = this.#parts;
    const came = message.ids.length;
    logger.warn({ topic, message: key, came, of: message.chunks, bytes: message.bytes, acknowledge }, why);
  }

  #arm(): void {
    const { expireMs } = this.#parts.limits;
    const [oldest] = this.#incomplete.values();
    if (expireMs === 0 || this.#timer !== undefined || oldest === undefined) return;
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, oldest.beganAt + expireMs - performance.now()));
    this.#timer.unref();
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [key, message] of this.#incomplete) {
      // A timer may fire a little early.
      if (message.beganAt + this.#parts.limits.expireMs > now + 1) break;
      this.#giveUp(key, message, true, 'the rest of a message in chunks has not come in time: it is given up');
    }
    this.#arm();
  }

  #whole(last: Entry, { ids, pieces, bytes }: Incomplete): Chunked {
    const { metadata } = last;
    const total = metadata.totalChunkMsgSize ?? bytes;
    if (total !== bytes) return broken(last, ids, `its chunks have ${bytes} bytes, not ${total}`);
    const entry = { ...last, messageId: idOf(ids) };
    try {
      const payload = uncompressed(metadata, Buffer.concat(pieces, bytes), this.#parts.limits.maxBytes);
      return { entry: { ...entry, payload }, ids };
    } catch (error) {
      const unreadable = asPulsarError(error, 'InvalidMessage', describeError(error));
      return { entry: { ...entry, payload: Buffer.alloc(0), unreadable }, ids };
    }
  }
}

function keyOf({ uuid, producerName, sequenceId }: MessageMetadata): string {
  return uuid ?? `${producerName}-${sequenceId}`;
}

/** The official clients' id of a message in chunks: its last chunk's, with its first chunk's in it. */
function idOf(ids: readonly MessageId[]): MessageId {
  const [first, last] = [ids[0], ids.at(-1)] as [MessageId, MessageId];
  return new MessageId(last.ledgerId, last.entryId, last.partition, -1, 0, first);
}

function broken(entry: Entry, ids: readonly MessageId[], why: string): Chunked {
  const text = `message ${entry.messageId.toString()} in chunks is malformed: ${why}`;
  const unreadable = new PulsarError('InvalidMessage', text);
  return { entry: { ...entry, messageId: idOf(ids), payload: Buffer.alloc(0), unreadable }, ids };
}
