import { Fields, isJson, ProtocolError, type RawData } from '@pharos/client-protocol';

import { type SubscriptionOverride, subscriptionOverride } from '@pharos/tokens';

import { badRequest } from './api-error.ts';

/** What a field of a request holds. */
export type FieldType =
  | 'string'
  | 'strings'
  | 'boolean'
  | 'integer'
  | 'json'
  | 'base64'
  | 'tags'
  | 'position'
  | 'disconnect'
  | 'override'
  | 'commands';

export interface FieldSpec {
  readonly type: FieldType;
  readonly required?: boolean;
  readonly description: string;
}

/** Options of a namespace that a subscription may have otherwise. */
export const overrideOptions: readonly string[] = [
  'presence',
  'join_leave',
  'force_push_join_leave',
  'force_positioning',
  'force_recovery',
];

export type FieldSpecs = Readonly<Record<string, FieldSpec>>;

/** The fields of one request. A field that the method doesn't have is refused: left out unnoticed, it would be believed to hold. */
export class Params {
  readonly #fields: Fields;

  /** @throws ApiError where it isn't an object, or has a field that `specs` has not, or lacks one */
  constructor(body: Buffer, specs: FieldSpecs) {
    const values = objectIn(body);
    for (const name of Object.keys(values)) {
      if (!Object.hasOwn(specs, name)) throw badRequest(`${name.slice(0, 100)}: there is no such field`);
    }
    for (const [name, { required }] of Object.entries(specs)) {
      const isThere = Object.hasOwn(values, name) && values[name] !== null;
      if (required === true && !isThere) throw badRequest(`${name}: it is missing`);
    }
    this.#fields = Fields.of(values, body);
    for (const [name, { type }] of Object.entries(specs)) this.#check(name, type);
  }

  string(name: string): string {
    return this.#read((fields) => fields.string(name));
  }

  strings(name: string): readonly string[] {
    return this.#read((fields) => fields.strings(name));
  }

  boolean(name: string): boolean {
    return this.#read((fields) => fields.boolean(name));
  }

  integer(name: string): number {
    return this.#read((fields) => fields.int32(name));
  }

  /** A number of seconds, or another that may be beyond 2^31. */
  long(name: string): number {
    return this.#read((fields) => fields.uint53(name));
  }

  /** As it was written; undefined where there is none. */
  json(name: string): RawData | undefined {
    const raw = this.#read((fields) => fields.raw(name));
    // The scanner takes what the protocol's clients can: nesting that is deeper would not come out at the other end.
    if (raw !== undefined && !isJson(raw)) throw badRequest(`${name}: it is nested too deeply`);
    return raw;
  }

  base64(name: string): Buffer | undefined {
    const text = this.string(name);
    if (text === '') return undefined;
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw badRequest(`${name}: expected base64`);
    return Buffer.from(text, 'base64');
  }

  tags(name: string): ReadonlyMap<string, string> {
    return this.#read((fields) => fields.stringMap(name));
  }

  position(name: string): { readonly offset: number; readonly epoch: string } | undefined {
    return this.#read((fields) => {
      const position = fields.object(name);
      return position === undefined
        ? undefined
        : { offset: position.uint53('offset'), epoch: position.string('epoch') };
    });
  }

  disconnect(name: string): { readonly code: number; readonly reason: string } | undefined {
    return this.#read((fields) => {
      const code = fields.object(name);
      return code === undefined ? undefined : { code: code.uint32('code'), reason: code.string('reason') };
    });
  }

  override(name: string): SubscriptionOverride {
    return this.#read((fields) => {
      const given = fields.object(name) === undefined ? undefined : fields.raw(name);
      // Of these null is as if it weren't there, so that they are no map of objects.
      for (const option of given === undefined ? [] : Object.keys(JSON.parse(given.toString()) as object)) {
        if (overrideOptions.includes(option)) continue;
        throw badRequest(`${name}.${option.slice(0, 100)}: there is no such option`);
      }
      return subscriptionOverride(fields.object(name));
    });
  }

  /** Of the right type, whether the method comes to read it or not. */
  #check(name: string, type: FieldType): void {
    switch (type) {
      case 'string':
      case 'base64':
        return void this.string(name);
      case 'strings':
        return void this.strings(name);
      case 'boolean':
        return void this.boolean(name);
      case 'integer': {
        const value = this.#read((fields) => fields.number(name));
        if (value !== undefined && !Number.isInteger(value)) throw badRequest(`${name}: expected a whole number`);
        return;
      }
      case 'tags':
        return void this.tags(name);
      case 'position':
        return void this.position(name);
      case 'disconnect':
        return void this.disconnect(name);
      case 'override':
        return void this.override(name);
      case 'json':
      case 'commands':
    }
  }

  #read<T>(read: (fields: Fields) => T): T {
    try {
      return read(this.#fields);
    } catch (error) {
      if (error instanceof ProtocolError) throw badRequest(error.message);
      throw error;
    }
  }
}

/** @throws ApiError */
export function objectIn(body: Buffer): Readonly<Record<string, unknown>> {
  let values: unknown;
  try {
    values = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    throw badRequest('the body is not JSON in UTF-8');
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    throw badRequest('the body is not a JSON object');
  return values as Readonly<Record<string, unknown>>;
}

/** The elements of a JSON list, each as it was written. @param list valid JSON */
export function elementsOf(list: Buffer): Buffer[] {
  const inner = list.subarray(list.indexOf('[') + 1, list.lastIndexOf(']'));
  const elements: Buffer[] = [];
  let depth = 0;
  let start = 0;
  let inString = false;
  for (let index = 0; index < inner.length; index++) {
    const character = String.fromCharCode(inner[index] ?? 0);
    if (inString) {
      if (character === '\\') index++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '[' || character === '{') depth++;
    else if (character === ']' || character === '}') depth--;
    else if (character === ',' && depth === 0) {
      elements.push(inner.subarray(start, index));
      start = index + 1;
    }
  }
  const last = inner.subarray(start);
  if (elements.length > 0 || last.toString('latin1').trim() !== '') elements.push(last);
  return elements;
}
