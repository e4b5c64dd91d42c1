import { ProtocolError } from '../errors.ts';
import type { RawData } from '../messages/raw-data.ts';
import { eachMember, keyText, skipSpace } from './scan.ts';

type JsonObject = Readonly<Record<string, unknown>>;

const UINT32_MAX = 0xffffffff;
const INT32_MAX = 0x7fffffff;

/**
 * Reads the members of one object of a command by type: both as `JSON.parse` gave it and as bytes, for members that must
 * come out as they were written. Missing and `null` are the type's zero, as the official server takes them; anything of
 * another type is a ProtocolError that names the field.
 */
export class Fields {
  readonly #values: JsonObject;
  /** For messages: `publish`, `connect.subs["a"]`. */
  readonly #path: string;
  readonly #bytes: Buffer;
  /** Where the object begins in the bytes; looked up only where a raw member is asked for. */
  readonly #locate: () => number;

  private constructor(values: JsonObject, path: string, bytes: Buffer, locate: () => number) {
    this.#values = values;
    this.#path = path;
    this.#bytes = bytes;
    this.#locate = locate;
  }

  /** Of a whole command; `values` is what `bytes` parse to. */
  static of(values: JsonObject, bytes: Buffer): Fields {
    return new Fields(values, '', bytes, () => skipSpace(bytes, 0));
  }

  string(name: string): string {
    const value = this.#value(name);
    return value === undefined ? '' : this.#text(value, name);
  }

  boolean(name: string): boolean {
    const value = this.#value(name);
    if (value === undefined) return false;
    if (typeof value !== 'boolean') throw this.#wrong(name, 'true or false', value);
    return value;
  }

  uint32(name: string): number {
    return this.#integer(name, 0, UINT32_MAX, this.#value(name));
  }

  int32(name: string): number {
    return this.#integer(name, -INT32_MAX - 1, INT32_MAX, this.#value(name));
  }

  /** Any number; undefined where there is none. */
  number(name: string): number | undefined {
    const value = this.#value(name);
    if (value !== undefined && (typeof value !== 'number' || !Number.isFinite(value)))
      throw this.#wrong(name, 'a number', value);
    return value;
  }

  /** An unsigned 64-bit integer of at most 2^53 − 1, as a number or, as Protobuf's JSON form has it, a decimal string. */
  uint53(name: string): number {
    const value = this.#value(name);
    const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
    return this.#integer(name, 0, Number.MAX_SAFE_INTEGER, number);
  }

  /** The member's bytes as the client wrote them, in a buffer of their own; undefined where there is none. `null` is a value here. */
  raw(name: string): RawData | undefined {
    if (!Object.hasOwn(this.#values, name)) return undefined;
    const { start, end } = this.#span(name);
    return Buffer.from(this.#bytes.subarray(start, end));
  }

  strings(name: string): readonly string[] {
    return this.#list(name).map((value) => this.#text(value, name));
  }

  stringMap(name: string): ReadonlyMap<string, string> {
    const map = new Map<string, string>();
    for (const [key, value] of Object.entries(this.#object(name) ?? {})) {
      const path = `${name}[${JSON.stringify(key)}]`;
      map.set(this.#text(key, path), this.#text(value, path));
    }
    return map;
  }

  object(name: string): Fields | undefined {
    const value = this.#object(name);
    return value === undefined ? undefined : this.#child(value, name, () => this.#span(name).start);
  }

  /** The objects in a list. Their raw members can't be asked for: no command has any there. */
  objects(name: string): readonly Fields[] {
    return this.#list(name).map((value, index) => {
      const path = `${name}[${index}]`;
      if (!isObject(value)) throw this.#wrong(path, 'an object', value);
      return this.#child(value, path, () => this.#unlocated(path));
    });
  }

  /** An object whose members are objects, in the order of their names' first occurrence. */
  objectMap(name: string): ReadonlyMap<string, Fields> {
    const map = new Map<string, Fields>();
    const outer = this.object(name);
    if (outer === undefined) return map;
    const spans = lazy(() => outer.#spans());
    for (const [key, value] of Object.entries(outer.#values)) {
      const path = `${name}[${JSON.stringify(key)}]`;
      if (!isObject(value)) throw this.#wrong(path, 'an object', value);
      map.set(
        this.#text(key, path),
        this.#child(value, path, () => spans().get(key)?.start ?? this.#unlocated(path)),
      );
    }
    return map;
  }

  #child(values: JsonObject, path: string, locate: () => number): Fields {
    return new Fields(values, this.#pathOf(path), this.#bytes, locate);
  }

  #value(name: string): unknown {
    // Own members only: nothing that the prototype holds counts as sent.
    return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? undefined) : undefined;
  }

  #text(value: unknown, name: string): string {
    // A lone surrogate has no UTF-8 form: it would come back from the log as another string.
    if (typeof value !== 'string' || !value.isWellFormed()) throw this.#wrong(name, 'a string of valid Unicode', value);
    return value;
  }

  #integer(name: string, min: number, max: number, value: unknown): number {
    if (value === undefined) return 0;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw this.#wrong(name, `an integer of ${min} to ${max}`, value);
    }
    // Adding 0 makes of −0 a 0.
    return value + 0;
  }

  #object(name: string): JsonObject | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (!isObject(value)) throw this.#wrong(name, 'an object', value);
    return value;
  }

  #list(name: string): readonly unknown[] {
    const value = this.#value(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.#wrong(name, 'a list', value);
    return value as readonly unknown[];
  }

  /** Of the last member of that name, which is the one that `JSON.parse` keeps. */
  #span(name: string): Span {
    const bytes = this.#bytes;
    let start = -1;
    let end = -1;
    eachMember(bytes, this.#locate(), (keyStart, keyEnd, valueStart, valueEnd) => {
      if (keyText(bytes, keyStart, keyEnd) !== name) return;
      start = valueStart;
      end = valueEnd;
    });
    return start === -1 ? { start: this.#unlocated(name), end } : { start, end };
  }

  #spans(): ReadonlyMap<string, Span> {
    const bytes = this.#bytes;
    const spans = new Map<string, Span>();
    eachMember(bytes, this.#locate(), (keyStart, keyEnd, start, end) => {
      spans.set(keyText(bytes, keyStart, keyEnd), { start, end });
    });
    return spans;
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #wrong(name: string, expected: string, value: unknown): ProtocolError {
    return new ProtocolError(
      'invalid-field',
      `${shortened(this.#pathOf(name))}: expected ${expected}, got ${describe(value)}`,
    );
  }

  /** The parser and the scanner see the same members of every valid object; if they ever didn't, no bytes may be made up. */
  #unlocated(name: string): never {
    throw new ProtocolError('invalid-field', `${shortened(this.#pathOf(name))}: its place in the frame was not found`);
  }
}

interface Span {
  readonly start: number;
  readonly end: number;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Kind of a wrong value, and the value itself where it is short and no text of the user's: messages end up in logs. */
function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return value.isWellFormed() ? 'a string' : 'a string with half a surrogate pair';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return 'an object';
}

function shortened(path: string): string {
  return path.length <= 100 ? path : `${path.slice(0, 100)}…`;
}

function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
