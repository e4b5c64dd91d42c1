// Hot path: every publication that reaches an edge is walked by this cursor; nothing is copied or made until asked for.
import { javaStringHash, javaStringHashOfUtf8 } from '@pharos/bytes';
import { BatchCursor, type Entry } from '@pharos/pulsar-client';
import type { LaneEntry, PublicationCursor } from '../port.ts';
import { markerProperty } from '../port.ts';
import { type LaneRouting, noProperties } from '../routing.ts';
import { formatPosition } from './position.ts';

/** What every entry of one tail has in common. */
export interface EntryContext {
  readonly routing: LaneRouting;
  /** Told of an entry that can't be read to its end; it must not throw. */
  readonly onUnreadable: (position: string, error: unknown) => void;
}

// Entry, metadata and view objects, near enough.
const entryOverheadBytes = 512;

/** An entry as one tail sees it. The tail has one and sets it to each entry in turn; `retain` gives one that stays. */
export class PulsarLaneEntry implements LaneEntry {
  readonly #context: EntryContext;
  #entry: Entry;
  /** Offset of the entry's first publication, hidden ones included; 0 where there are no offsets. */
  #baseOffset: number;
  #skip: number;
  #cursor: PulsarCursor | undefined;
  #retained = false;

  constructor(context: EntryContext, entry: Entry, baseOffset: number, skip: number) {
    this.#context = context;
    this.#entry = entry;
    this.#baseOffset = baseOffset;
    this.#skip = skip;
  }

  /** Sets it to another entry, whose first `skip` publications don't show: the tail began after them. */
  set(entry: Entry, baseOffset: number, skip: number): this {
    this.#entry = entry;
    this.#baseOffset = baseOffset;
    this.#skip = skip;
    return this;
  }

  get lane(): number {
    return this.#context.routing.lane;
  }

  get firstOffset(): number {
    return this.#baseOffset === 0 ? 0 : this.#baseOffset + this.#skip;
  }

  get count(): number {
    return this.#entry.count - this.#skip;
  }

  get bytes(): number {
    return this.#entry.payload.length + entryOverheadBytes;
  }

  get publishTimeMs(): number {
    return this.#entry.brokerEntry?.brokerTimestampMs ?? this.#entry.metadata.publishTime;
  }

  get position(): string {
    return formatPosition(this.#entry.messageId.ledgerId, this.#entry.messageId.entryId);
  }

  publications(): PublicationCursor {
    if (this.#retained) return new PulsarCursor(this.#context).set(this.#entry, this.#baseOffset, this.#skip);
    this.#cursor ??= new PulsarCursor(this.#context);
    return this.#cursor.set(this.#entry, this.#baseOffset, this.#skip);
  }

  retain(): LaneEntry {
    const { payload } = this.#entry;
    // A view may hold a whole chunk of the socket's; whoever keeps entries counts the bytes of each.
    const alone = payload.length * 2 >= payload.buffer.byteLength;
    const entry = alone ? this.#entry : { ...this.#entry, payload: Buffer.from(payload) };
    const kept = new PulsarLaneEntry(this.#context, entry, this.#baseOffset, this.#skip);
    kept.#retained = true;
    return kept;
  }
}

class PulsarCursor implements PublicationCursor {
  readonly #context: EntryContext;
  readonly #batch = new BatchCursor();
  #entry: Entry | undefined;
  #baseOffset = 0;
  #index = -1;
  #foreignKey: string | undefined;
  #properties: ReadonlyMap<string, string> | undefined;
  buffer: Buffer = Buffer.alloc(0);
  keyStart = -1;
  keyEnd = -1;
  dataStart = 0;
  dataEnd = 0;
  hasProperties = false;

  constructor(context: EntryContext) {
    this.#context = context;
  }

  set(entry: Entry, baseOffset: number, skip: number): this {
    this.#entry = entry;
    this.#baseOffset = baseOffset;
    this.#index = -1;
    this.buffer = entry.payload;
    if (entry.batch) this.#batch.reset(entry.payload, entry.count);
    for (let skipped = 0; skipped < skip; skipped++) this.next();
    return this;
  }

  next(): boolean {
    const entry = this.#entry;
    if (entry === undefined || this.#index + 1 >= entry.count) return false;
    this.#foreignKey = undefined;
    this.#properties = undefined;
    return entry.batch ? this.#nextOfBatch(entry) : this.#onlyMessage(entry);
  }

  get offset(): number {
    return this.#baseOffset === 0 ? 0 : this.#baseOffset + this.#index;
  }

  keyHash(): number {
    if (this.keyStart >= 0) return javaStringHashOfUtf8(this.buffer, this.keyStart, this.keyEnd);
    if (this.#foreignKey !== undefined) return javaStringHash(this.#foreignKey);
    return this.#context.routing.defaultChannelHash;
  }

  channel(): string {
    if (this.keyStart >= 0) return this.buffer.toString('utf8', this.keyStart, this.keyEnd);
    return this.#foreignKey ?? this.#context.routing.defaultChannel;
  }

  routed(): boolean {
    const metadata = this.#entry?.metadata;
    // Part of a message, or ciphertext: nothing that a channel's subscribers could read.
    if (metadata === undefined || (metadata.numChunksFromMsg ?? 1) > 1 || metadata.encryptionAlgo) return false;
    const { lane, lanes } = this.#context.routing;
    if (lanes === 1) return true;
    const keyed = this.keyStart >= 0 || this.#foreignKey !== undefined;
    return (keyed && this.keyHash() % lanes === lane) || this.isMarker();
  }

  properties(): ReadonlyMap<string, string> {
    if (!this.hasProperties) return noProperties;
    this.#properties ??= this.#readProperties();
    return this.#properties;
  }

  isMarker(): boolean {
    return this.hasProperties && this.properties().has(markerProperty);
  }

  position(): string {
    const entry = this.#entry;
    if (entry === undefined) return '';
    return formatPosition(entry.messageId.ledgerId, entry.messageId.entryId, entry.batch ? this.#index : -1);
  }

  #nextOfBatch(entry: Entry): boolean {
    const batch = this.#batch;
    try {
      if (!batch.next()) return false;
    } catch (error) {
      // Anyone who may write to the topic can write a batch that isn't one; it must not take the edge down.
      this.#index = entry.count;
      this.#context.onUnreadable(formatPosition(entry.messageId.ledgerId, entry.messageId.entryId), error);
      return false;
    }
    this.#index++;
    this.dataStart = batch.dataStart;
    this.dataEnd = batch.dataEnd;
    this.hasProperties = batch.propertiesPresent;
    if (batch.keyIsBase64 && batch.keyStart >= 0) {
      this.keyStart = this.keyEnd = -1;
      this.#foreignKey = fromBase64(batch.buffer.toString('latin1', batch.keyStart, batch.keyEnd));
    } else {
      this.keyStart = batch.keyStart;
      this.keyEnd = batch.keyEnd;
    }
    return true;
  }

  #onlyMessage(entry: Entry): boolean {
    const { metadata } = entry;
    this.#index++;
    // The cursor is reused: a key's place in the last entry would let this payload name its own channel.
    this.keyStart = this.keyEnd = -1;
    this.dataStart = 0;
    this.dataEnd = entry.payload.length;
    this.hasProperties = (metadata.properties?.length ?? 0) > 0;
    const key = metadata.partitionKey;
    if (key !== undefined) this.#foreignKey = metadata.partitionKeyB64Encoded === true ? fromBase64(key) : key;
    return true;
  }

  #readProperties(): ReadonlyMap<string, string> {
    const entry = this.#entry;
    try {
      const pairs = entry?.batch === true ? this.#batch.singleMessageMetadata().properties : entry?.metadata.properties;
      return new Map((pairs ?? []).map(({ key, value }) => [key, value]));
    } catch (error) {
      this.#context.onUnreadable(this.position(), error);
      return noProperties;
    }
  }
}

/** Java's client sends a binary key as base64; its bytes are taken for UTF-8, as every other key's are. */
function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}
