import { ByteWriter } from '@pharos/bytes';

/** What one message is made of; `key` is missing where an outside producer gave none. */
export interface NewMessage {
  readonly key?: string;
  readonly data: Uint8Array;
  readonly properties?: Readonly<Record<string, string>>;
}

/** One sealed entry of a lane: its messages' bytes in one buffer, as a batch has them, and where each lies. */
export interface StoredEntry {
  readonly firstOffset: number;
  readonly count: number;
  readonly publishTimeMs: number;
  readonly buffer: Buffer;
  /** Three numbers a message: where its key begins (−1: none), where its data begins (there the key ends), where that ends. */
  readonly places: Int32Array;
  readonly properties: readonly (ReadonlyMap<string, string> | undefined)[];
  /** What it costs in memory, near enough. */
  readonly bytes: number;
}

export const placesPerMessage = 3;

// Objects and array slots beside the bytes themselves; keeps a flood of empty messages from going around the bounds.
const messageOverheadBytes = 64;
const entryOverheadBytes = 512;

/** Collects the messages of one entry. */
export class EntryBuilder {
  readonly #writer = new ByteWriter();
  readonly #places: number[] = [];
  readonly #properties: (ReadonlyMap<string, string> | undefined)[] = [];
  #bytes = entryOverheadBytes;

  get count(): number {
    return this.#properties.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Copies the message: the caller may change it afterwards. */
  add(message: NewMessage): void {
    const writer = this.#writer;
    const keyStart = message.key === undefined ? -1 : writer.length;
    if (message.key !== undefined) writer.utf8(message.key);
    const dataStart = writer.length;
    writer.bytes(message.data);
    this.#places.push(keyStart, dataStart, writer.length);
    const properties = Object.entries(message.properties ?? {});
    this.#properties.push(properties.length === 0 ? undefined : new Map(properties));
    this.#bytes += messageOverheadBytes + writer.length - (keyStart < 0 ? dataStart : keyStart);
    for (const [name, value] of properties) this.#bytes += messageOverheadBytes + 2 * (name.length + value.length);
  }

  seal(firstOffset: number, publishTimeMs: number): StoredEntry {
    return {
      firstOffset,
      count: this.count,
      publishTimeMs,
      buffer: this.#writer.copy(),
      places: Int32Array.from(this.#places),
      properties: this.#properties,
      bytes: this.#bytes,
    };
  }
}
