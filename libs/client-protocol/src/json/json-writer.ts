import type { ByteWriter } from '@pharos/bytes';
import type { RawData } from '../messages/raw-data.ts';

/**
 * Writes one JSON object with nested ones into a ByteWriter, and minds the commas. Names are constants of the protocol that need
 * no escaping. Methods whose value may be missing leave the member out where it is the type's zero (0, "", false, nothing),
 * as the official server does; `always…` writes it in any case, where SDKs rely on it.
 */
export class JsonWriter {
  readonly bytes: ByteWriter;
  #comma = false;

  constructor(bytes: ByteWriter) {
    this.bytes = bytes;
  }

  /** Begins an object: as the value of `name`, or as an element or the whole. */
  open(name?: string): this {
    return this.#open(name, '{');
  }

  close(): this {
    return this.#close('}');
  }

  openList(name: string): this {
    return this.#open(name, '[');
  }

  closeList(): this {
    return this.#close(']');
  }

  /** Begins an object under a name that is not a constant: a channel, a client. */
  openMember(name: string): this {
    return this.open(escaped(name));
  }

  /** A string under a name that is not a constant: a tag. */
  stringMember(name: string, value: string): this {
    return this.alwaysString(escaped(name), value);
  }

  string(name: string, value: string | undefined): this {
    return value === undefined || value === '' ? this : this.alwaysString(name, value);
  }

  alwaysString(name: string, value: string): this {
    this.#name(name);
    this.bytes.utf8(JSON.stringify(value));
    return this;
  }

  number(name: string, value: number | undefined): this {
    return value === undefined || value === 0 ? this : this.alwaysNumber(name, value);
  }

  alwaysNumber(name: string, value: number): this {
    this.#name(name);
    this.bytes.utf8(String(value));
    return this;
  }

  boolean(name: string, value: boolean | undefined): this {
    if (value !== true) return this;
    this.#name(name);
    this.bytes.utf8('true');
    return this;
  }

  raw(name: string, value: RawData | undefined): this {
    if (value === undefined || value.length === 0) return this;
    this.#name(name);
    this.bytes.bytes(value);
    return this;
  }

  #open(name: string | undefined, bracket: string): this {
    if (name === undefined) this.#separate();
    else this.#name(name);
    this.bytes.utf8(bracket);
    this.#comma = false;
    return this;
  }

  #close(bracket: string): this {
    this.bytes.utf8(bracket);
    this.#comma = true;
    return this;
  }

  #name(name: string): void {
    this.#separate();
    this.bytes.utf8(`"${name}":`);
    this.#comma = true;
  }

  #separate(): void {
    if (this.#comma) this.bytes.utf8(',');
  }
}

/** Begins one more message of a frame: after the first, a newline stands between them. */
export function beginMessage(frame: ByteWriter): JsonWriter {
  if (frame.length > 0) frame.uint8(0x0a);
  return new JsonWriter(frame).open();
}

function escaped(name: string): string {
  return JSON.stringify(name).slice(1, -1);
}
