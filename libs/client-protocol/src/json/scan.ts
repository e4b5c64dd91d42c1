// Hot path: every message that comes out of the log passes through here once.

/** Nesting of JSON that Pharos carries as JSON. Decoders of several SDKs recurse, and a deeper value could overflow them. */
export const maxJsonDepth = 200;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const MINUS = 0x2d;
const ZERO = 0x30;

/**
 * Whether the bytes, which must be valid UTF-8, are one JSON value (RFC 8259, as `JSON.parse` takes it) with white space
 * around it, nested at most `maxDepth` arrays and objects deep. Unlike `JSON.parse` it makes no values and throws nothing:
 * a line of chat that begins with `[` would cost microseconds for the error's stack alone.
 */
export function isJson(bytes: Buffer, maxDepth: number = maxJsonDepth): boolean {
  const end = endOfValue(bytes, skipSpace(bytes, 0), maxDepth);
  return end !== -1 && skipSpace(bytes, end) === bytes.length;
}

/** Index of the first byte at or after `at` that is no JSON white space. */
export function skipSpace(bytes: Buffer, at: number): number {
  let index = at;
  while (index < bytes.length) {
    const byte = bytes[index] as number;
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    index++;
  }
  return index;
}

/** Index after the JSON value that begins at `at`; −1 where there is none or it is nested more than `depth` deep. */
export function endOfValue(bytes: Buffer, at: number, depth: number): number {
  if (at >= bytes.length) return -1;
  const byte = bytes[at] as number;
  switch (byte) {
    case QUOTE:
      return endOfString(bytes, at + 1);
    case OPEN_BRACE:
      return depth === 0 ? -1 : endOfObject(bytes, at + 1, depth - 1);
    case OPEN_BRACKET:
      return depth === 0 ? -1 : endOfArray(bytes, at + 1, depth - 1);
    case 0x74:
      return endOfWord(bytes, at, 'true');
    case 0x66:
      return endOfWord(bytes, at, 'false');
    case 0x6e:
      return endOfWord(bytes, at, 'null');
    default:
      return byte === MINUS || isDigit(byte) ? endOfNumber(bytes, at) : -1;
  }
}

/**
 * Calls `visit` for each member of the object that begins at `objectStart`, in order, duplicates included. The object must
 * be valid JSON. The key lies without its quotes in `[keyStart, keyEnd)`, still escaped; the value in `[start, end)`.
 */
export function eachMember(
  bytes: Buffer,
  objectStart: number,
  visit: (keyStart: number, keyEnd: number, start: number, end: number) => void,
): void {
  let index = skipSpace(bytes, objectStart + 1);
  while (bytes[index] === QUOTE) {
    const afterKey = endOfString(bytes, index + 1);
    const start = skipSpace(bytes, skipSpace(bytes, afterKey) + 1);
    const end = endOfValidValue(bytes, start);
    visit(index + 1, afterKey - 1, start, end);
    index = skipSpace(bytes, end);
    if (bytes[index] === COMMA) index = skipSpace(bytes, index + 1);
  }
}

/** Index after a value of valid JSON, however deep: `JSON.parse` takes what would overflow the stack here. */
function endOfValidValue(bytes: Buffer, at: number): number {
  const first = bytes[at];
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return endOfValue(bytes, at, 0);
  let depth = 1;
  let index = at + 1;
  while (depth > 0 && index !== -1 && index < bytes.length) {
    const byte = bytes[index++];
    if (byte === QUOTE) index = endOfString(bytes, index);
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  return index;
}

/** The text of a key that lies, still escaped, in `[start, end)`. */
export function keyText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
}

function endOfObject(bytes: Buffer, at: number, depth: number): number {
  let index = skipSpace(bytes, at);
  if (bytes[index] === CLOSE_BRACE) return index + 1;
  for (;;) {
    if (index >= bytes.length || bytes[index] !== QUOTE) return -1;
    index = endOfString(bytes, index + 1);
    if (index === -1) return -1;
    index = skipSpace(bytes, index);
    if (index >= bytes.length || bytes[index] !== COLON) return -1;
    index = endOfValue(bytes, skipSpace(bytes, index + 1), depth);
    if (index === -1) return -1;
    index = skipSpace(bytes, index);
    if (index >= bytes.length) return -1;
    if (bytes[index] === CLOSE_BRACE) return index + 1;
    if (bytes[index] !== COMMA) return -1;
    index = skipSpace(bytes, index + 1);
  }
}

function endOfArray(bytes: Buffer, at: number, depth: number): number {
  let index = skipSpace(bytes, at);
  if (bytes[index] === CLOSE_BRACKET) return index + 1;
  for (;;) {
    index = endOfValue(bytes, index, depth);
    if (index === -1) return -1;
    index = skipSpace(bytes, index);
    if (index >= bytes.length) return -1;
    if (bytes[index] === CLOSE_BRACKET) return index + 1;
    if (bytes[index] !== COMMA) return -1;
    index = skipSpace(bytes, index + 1);
  }
}

function endOfString(bytes: Buffer, at: number): number {
  let index = at;
  while (index < bytes.length) {
    const byte = bytes[index] as number;
    if (byte === QUOTE) return index + 1;
    if (byte < 0x20) return -1;
    if (byte !== BACKSLASH) index++;
    else {
      index = endOfEscape(bytes, index + 1);
      if (index === -1) return -1;
    }
  }
  return -1;
}

function endOfEscape(bytes: Buffer, at: number): number {
  switch (bytes[at]) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // slash
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 1;
    case 0x75: // u and four hexadecimal digits
      for (let index = at + 1; index <= at + 4; index++) {
        if (!isHexDigit(bytes[index])) return -1;
      }
      return at + 5;
    default:
      return -1;
  }
}

function endOfNumber(bytes: Buffer, at: number): number {
  let index = bytes[at] === MINUS ? at + 1 : at;
  if (bytes[index] === ZERO) index++;
  else if (isDigit(bytes[index])) index = skipDigits(bytes, index);
  else return -1;
  if (bytes[index] === 0x2e) {
    if (!isDigit(bytes[index + 1])) return -1;
    index = skipDigits(bytes, index + 1);
  }
  if (bytes[index] === 0x65 || bytes[index] === 0x45) {
    index++;
    if (bytes[index] === 0x2b || bytes[index] === MINUS) index++;
    if (!isDigit(bytes[index])) return -1;
    index = skipDigits(bytes, index);
  }
  return index;
}

function skipDigits(bytes: Buffer, at: number): number {
  let index = at;
  while (isDigit(bytes[index])) index++;
  return index;
}

function endOfWord(bytes: Buffer, at: number, word: string): number {
  for (let index = 0; index < word.length; index++) {
    if (bytes[at + index] !== word.charCodeAt(index)) return -1;
  }
  return at + word.length;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}
