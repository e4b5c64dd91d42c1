// Hot path: whoever follows a topic for a few of its keys looks at every message with this, and copies none of those that aren't its own.
import { javaStringHash, javaStringHashOfUtf8 } from '@pharos/bytes';
import { asPulsarError } from '../errors.ts';
import { MessageId } from '../message-id.ts';
import { BatchCursor, type KeyValue } from '../wire/index.ts';
import type { Entry } from './entry-consumer.ts';

const none: Buffer = Buffer.alloc(0);

/**
 * Walks over the messages of entries, batches or not, without copying or making anything: `set`, then `next` until it
 * returns false. Positions are into `buffer` and belong to the current message. Reusable.
 */
export class EntryCursor {
  /** The payload that is being walked over. */
  buffer: Buffer = none;
  /** Of the current message in its entry, from 0; −1 before the first `next`. */
  index = -1;
  /** −1: there is no key, or it doesn't lie in `buffer` as it is: see {@link key}. */
  keyStart = -1;
  keyEnd = -1;
  dataStart = 0;
  dataEnd = 0;
  hasProperties = false;
  /** Compaction took the message out: to be skipped. */
  compactedOut = false;
  readonly #batch = new BatchCursor();
  #entry: Entry | undefined;
  /** A key that isn't in the payload: of an entry that is no batch, or a binary one. */
  #outside: string | undefined;

  /** Begins another entry. Of one that is `unreadable`, whose payload is empty, `next` says that there is nothing. */
  set(entry: Entry): this {
    this.#entry = entry;
    this.buffer = entry.payload;
    this.index = -1;
    if (entry.batch) this.#batch.reset(entry.payload, entry.count);
    return this;
  }

  /** Moves to the next message; false after the last. @throws PulsarError `InvalidMessage`; there is no next one then */
  next(): boolean {
    const entry = this.#entry;
    if (entry === undefined || entry.unreadable !== undefined || this.index + 1 >= entry.count) return false;
    this.index++;
    this.#outside = undefined;
    if (entry.batch) this.#nextOfBatch(entry);
    else this.#onlyMessage(entry);
    return true;
  }

  get hasKey(): boolean {
    return this.keyStart >= 0 || this.#outside !== undefined;
  }

  /** Pulsar's JavaStringHash of the key, by which keys are spread; `otherwise` where there is none. */
  keyHash(otherwise: number): number {
    if (this.keyStart >= 0) return javaStringHashOfUtf8(this.buffer, this.keyStart, this.keyEnd);
    return this.#outside === undefined ? otherwise : javaStringHash(this.#outside);
  }

  /** Whether the key is this one, in UTF-8: bytes against bytes. */
  keyEquals(key: Buffer): boolean {
    const { keyStart, keyEnd } = this;
    if (keyStart < 0) return this.#outside !== undefined && key.equals(Buffer.from(this.#outside, 'utf8'));
    return keyEnd - keyStart === key.length && key.compare(this.buffer, keyStart, keyEnd) === 0;
  }

  /** The key as text; a binary one, which Java sends as base64, decoded and taken for UTF-8. */
  key(): string | undefined {
    return this.keyStart < 0 ? this.#outside : this.buffer.toString('utf8', this.keyStart, this.keyEnd);
  }

  /** Read anew at each call. @throws PulsarError `InvalidMessage` */
  properties(): readonly KeyValue[] {
    const entry = this.#entry;
    if (entry === undefined || !this.hasProperties) return [];
    if (!entry.batch) return entry.metadata.properties ?? [];
    try {
      return this.#batch.singleMessageMetadata().properties ?? [];
    } catch (error) {
      throw unreadable(entry, error);
    }
  }

  messageId(): MessageId {
    const entry = this.#entry;
    if (entry === undefined) return new MessageId(-1n, -1n);
    if (!entry.batch) return entry.messageId;
    const { ledgerId, entryId, partition } = entry.messageId;
    return new MessageId(ledgerId, entryId, partition, this.index, entry.count);
  }

  #nextOfBatch(entry: Entry): void {
    const batch = this.#batch;
    try {
      batch.next();
    } catch (error) {
      this.index = entry.count;
      throw unreadable(entry, error);
    }
    this.dataStart = batch.dataStart;
    this.dataEnd = batch.dataEnd;
    this.hasProperties = batch.propertiesPresent;
    this.compactedOut = batch.compactedOut;
    if (batch.keyIsBase64 && batch.keyStart >= 0) {
      this.keyStart = this.keyEnd = -1;
      this.#outside = fromBase64(batch.buffer.toString('latin1', batch.keyStart, batch.keyEnd));
    } else {
      this.keyStart = batch.keyStart;
      this.keyEnd = batch.keyEnd;
    }
  }

  #onlyMessage({ metadata, payload }: Entry): void {
    // The cursor is reused: a key's place in the last entry would let this payload name its own key.
    this.keyStart = this.keyEnd = -1;
    this.dataStart = 0;
    this.dataEnd = payload.length;
    this.hasProperties = (metadata.properties?.length ?? 0) > 0;
    this.compactedOut = false;
    const key = metadata.partitionKey;
    if (key !== undefined) this.#outside = metadata.partitionKeyB64Encoded === true ? fromBase64(key) : key;
  }
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

function unreadable(entry: Entry, error: unknown): Error {
  return asPulsarError(error, 'InvalidMessage', `entry ${entry.messageId.toString()}`);
}
