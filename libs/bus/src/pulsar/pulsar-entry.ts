// Hot path: every publication that reaches an edge is walked by this cursor; nothing is copied or made until asked for.
import { type Entry, EntryCursor } from '@pharos/pulsar-client';
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
const propertyOverheadBytes = 64;

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
    return this.#entry.payload.length + outsideBytes(this.#entry) + entryOverheadBytes;
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
    const { metadata, batch, payload } = this.#entry;
    // A view may hold a whole chunk of the socket's; whoever keeps entries counts the bytes of each.
    const alone = payload.length * 2 >= payload.buffer.byteLength;
    const entry = {
      ...this.#entry,
      metadata: neededOf(metadata, batch),
      payload: alone ? payload : Buffer.from(payload),
    };
    const kept = new PulsarLaneEntry(this.#context, entry, this.#baseOffset, this.#skip);
    kept.#retained = true;
    return kept;
  }
}

/** What cursors read of the metadata: other fields are views too, or nobody's. */
function neededOf(metadata: Entry['metadata'], batch: boolean): Entry['metadata'] {
  const { producerName, sequenceId, publishTime, numChunksFromMsg, encryptionAlgo } = metadata;
  const needed = { producerName, sequenceId, publishTime, numChunksFromMsg, encryptionAlgo };
  if (batch) return needed;
  const { partitionKey, partitionKeyB64Encoded, properties } = metadata;
  return { ...needed, partitionKey, partitionKeyB64Encoded, properties };
}

/** Texts that lie beside the payload: a single message has its key and properties there, and they can be most of it. */
function outsideBytes({ batch, metadata }: Entry): number {
  if (batch) return 0;
  let bytes = metadata.partitionKey?.length ?? 0;
  for (const { key, value } of metadata.properties ?? []) bytes += propertyOverheadBytes + key.length + value.length;
  return bytes;
}

class PulsarCursor implements PublicationCursor {
  readonly #context: EntryContext;
  readonly #messages = new EntryCursor();
  #entry: Entry | undefined;
  #baseOffset = 0;
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
    this.#messages.set(entry);
    this.buffer = entry.payload;
    for (let skipped = 0; skipped < skip; skipped++) this.next();
    return this;
  }

  next(): boolean {
    const messages = this.#messages;
    this.#properties = undefined;
    try {
      if (!messages.next()) return false;
    } catch (error) {
      // Anyone who may write to the topic can write a batch that isn't one; it must not take the edge down.
      const { ledgerId, entryId } = messages.messageId();
      this.#context.onUnreadable(formatPosition(ledgerId, entryId), error);
      return false;
    }
    this.dataStart = messages.dataStart;
    this.dataEnd = messages.dataEnd;
    this.keyStart = messages.keyStart;
    this.keyEnd = messages.keyEnd;
    this.hasProperties = messages.hasProperties;
    return true;
  }

  get offset(): number {
    return this.#baseOffset === 0 ? 0 : this.#baseOffset + this.#messages.index;
  }

  keyHash(): number {
    return this.#messages.keyHash(this.#context.routing.defaultChannelHash);
  }

  channel(): string {
    return this.#messages.key() ?? this.#context.routing.defaultChannel;
  }

  routed(): boolean {
    // Part of a message, or ciphertext: nothing that a channel's subscribers could read.
    if (!this.readable()) return false;
    const { lane, lanes } = this.#context.routing;
    if (lanes === 1) return true;
    return (this.#messages.hasKey && this.keyHash() % lanes === lane) || this.isMarker();
  }

  readable(): boolean {
    const metadata = this.#entry?.metadata;
    return metadata !== undefined && (metadata.numChunksFromMsg ?? 1) <= 1 && !metadata.encryptionAlgo;
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
    if (this.#entry === undefined) return '';
    const { ledgerId, entryId, batchIndex } = this.#messages.messageId();
    return formatPosition(ledgerId, entryId, batchIndex);
  }

  #readProperties(): ReadonlyMap<string, string> {
    try {
      return new Map(this.#messages.properties().map(({ key, value }) => [key, value]));
    } catch (error) {
      this.#context.onUnreadable(this.position(), error);
      return noProperties;
    }
  }
}
