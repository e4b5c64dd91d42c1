// Hot path: every publication that reaches an edge over the embedded bus is walked by this cursor.
import { javaStringHashOfUtf8 } from '@pharos/bytes';
import type { LaneEntry, PublicationCursor } from '../port.ts';
import { markerProperty } from '../port.ts';
import { type LaneRouting, noProperties } from '../routing.ts';
import { placesPerMessage, type StoredEntry } from './stored-entry.ts';

/**
 * A stored entry as one tail sees it. The tail has one and sets it to each entry in turn; `retain` gives one that stays.
 */
export class MemoryLaneEntry implements LaneEntry {
  readonly #routing: LaneRouting;
  #stored: StoredEntry;
  #skip: number;
  #cursor: MemoryCursor | undefined;
  #retained = false;

  constructor(routing: LaneRouting, stored: StoredEntry, skip: number) {
    this.#routing = routing;
    this.#stored = stored;
    this.#skip = skip;
  }

  /** Sets it to another entry, whose first `skip` publications don't show: the tail began after them. */
  set(stored: StoredEntry, skip: number): this {
    this.#stored = stored;
    this.#skip = skip;
    return this;
  }

  get lane(): number {
    return this.#routing.lane;
  }

  get firstOffset(): number {
    return this.#stored.firstOffset + this.#skip;
  }

  get count(): number {
    return this.#stored.count - this.#skip;
  }

  get bytes(): number {
    return this.#stored.bytes;
  }

  get publishTimeMs(): number {
    return this.#stored.publishTimeMs;
  }

  get position(): string {
    return String(this.#stored.firstOffset + this.#stored.count - 1);
  }

  publications(): PublicationCursor {
    if (this.#retained) return new MemoryCursor(this.#routing, this.#stored, this.#skip);
    this.#cursor ??= new MemoryCursor(this.#routing, this.#stored, this.#skip);
    this.#cursor.set(this.#stored, this.#skip);
    return this.#cursor;
  }

  retain(): LaneEntry {
    const kept = new MemoryLaneEntry(this.#routing, this.#stored, this.#skip);
    kept.#retained = true;
    return kept;
  }
}

class MemoryCursor implements PublicationCursor {
  readonly #routing: LaneRouting;
  #stored: StoredEntry;
  #index: number;
  keyStart = -1;
  keyEnd = -1;
  dataStart = 0;
  dataEnd = 0;

  constructor(routing: LaneRouting, stored: StoredEntry, skip: number) {
    this.#routing = routing;
    this.#stored = stored;
    this.#index = skip - 1;
  }

  set(stored: StoredEntry, skip: number): void {
    this.#stored = stored;
    this.#index = skip - 1;
  }

  next(): boolean {
    const stored = this.#stored;
    if (this.#index + 1 >= stored.count) return false;
    this.#index++;
    const place = this.#index * placesPerMessage;
    this.keyStart = stored.places[place] as number;
    this.dataStart = stored.places[place + 1] as number;
    this.dataEnd = stored.places[place + 2] as number;
    this.keyEnd = this.keyStart < 0 ? -1 : this.dataStart;
    return true;
  }

  get buffer(): Buffer {
    return this.#stored.buffer;
  }

  get offset(): number {
    return this.#stored.firstOffset + this.#index;
  }

  get hasProperties(): boolean {
    return this.#stored.properties[this.#index] !== undefined;
  }

  keyHash(): number {
    if (this.keyStart < 0) return this.#routing.defaultChannelHash;
    return javaStringHashOfUtf8(this.#stored.buffer, this.keyStart, this.keyEnd);
  }

  channel(): string {
    if (this.keyStart < 0) return this.#routing.defaultChannel;
    return this.#stored.buffer.toString('utf8', this.keyStart, this.keyEnd);
  }

  routed(): boolean {
    const { lane, lanes } = this.#routing;
    return lanes === 1 || (this.keyStart >= 0 && this.keyHash() % lanes === lane) || this.isMarker();
  }

  readable(): boolean {
    return true;
  }

  properties(): ReadonlyMap<string, string> {
    return this.#stored.properties[this.#index] ?? noProperties;
  }

  isMarker(): boolean {
    return this.#stored.properties[this.#index]?.has(markerProperty) ?? false;
  }

  position(): string {
    return String(this.offset);
  }
}
