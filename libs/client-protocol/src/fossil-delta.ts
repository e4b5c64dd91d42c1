// Hot path: once for each publication of a channel whose subscribers take deltas.
import { ByteWriter } from '@pharos/bytes';

/*
 * A delta, as the version control system Fossil has them:
 *
 *   delta   = length "\n" segment* checksum ";"
 *   segment = count "@" offset ","     copies from the source
 *           | count ":" bytes          inserts
 *
 * Numbers are written in base 64; the checksum is the sum of the target's big-endian 32-bit words.
 */

const digits = Buffer.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~', 'latin1');
const NEWLINE = 0x0a;
const COMMA = 0x2c;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const AT = 0x40;

/** Source and target are compared in blocks of so many bytes: no shorter match is found but at the ends. */
const blockBytes = 16;
/** Blocks of the source with the same hash that are looked at: those of a hostile payload all have the same. */
const maxCandidates = 16;
/** A copy takes about as much itself. */
const leastCopyBytes = 8;

/**
 * How to make `target` of `source`. It may be longer than the target itself: compare.
 *
 * @param isText both are UTF-8, and what is inserted is to be UTF-8 too, so that the delta can be a text
 */
export function createDelta(source: Buffer, target: Buffer, isText: boolean): Buffer {
  const delta = new ByteWriter(64);
  writeNumber(delta, target.length);
  delta.uint8(NEWLINE);
  const prefix = commonPrefix(source, target, isText);
  const suffix = commonSuffix(source, target, prefix, isText);
  const end = target.length - suffix;
  if (prefix > 0) writeCopy(delta, 0, prefix);
  if (end > prefix) writeMiddle(delta, source, target, prefix, end, isText);
  if (suffix > 0) writeCopy(delta, source.length - suffix, suffix);
  writeNumber(delta, checksum(target));
  delta.uint8(SEMICOLON);
  return delta.view();
}

/** Bytes that both begin with, where copying them is worth it. */
function commonPrefix(source: Buffer, target: Buffer, isText: boolean): number {
  const most = Math.min(source.length, target.length);
  let length = 0;
  while (length < most && source[length] === target[length]) length++;
  if (isText) while (!isBoundary(target, length)) length--;
  return length < leastCopyBytes ? 0 : length;
}

/** Bytes that both end with, beyond what the prefix has of the target. */
function commonSuffix(source: Buffer, target: Buffer, prefix: number, isText: boolean): number {
  const most = Math.min(source.length, target.length - prefix);
  let length = 0;
  while (length < most && source[source.length - 1 - length] === target[target.length - 1 - length]) length++;
  if (isText) while (!isBoundary(target, target.length - length)) length--;
  return length < leastCopyBytes ? 0 : length;
}

/** Writes `target[from, end)`, as copies where the source has something like it. */
function writeMiddle(
  delta: ByteWriter,
  source: Buffer,
  target: Buffer,
  from: number,
  end: number,
  isText: boolean,
): void {
  const index = end - from < blockBytes ? undefined : BlockIndex.of(source);
  let inserted = from;
  if (index !== undefined) {
    let at = from;
    let hash = hashAt(target, at);
    while (at + blockBytes <= end) {
      const match = index.longest(target, hash, at, inserted, end, isText);
      if (match === undefined) {
        hash = rolled(hash, target, at);
        at++;
        continue;
      }
      if (match.start > inserted) writeInsert(delta, target, inserted, match.start);
      writeCopy(delta, match.source, match.end - match.start);
      inserted = match.end;
      at = match.end;
      if (at + blockBytes <= end) hash = hashAt(target, at);
    }
  }
  if (end > inserted) writeInsert(delta, target, inserted, end);
}

interface Match {
  /** Where it lies in the source. */
  readonly source: number;
  /** Where it lies in the target. */
  readonly start: number;
  readonly end: number;
}

/** Where each block of the source lies, by its hash. */
class BlockIndex {
  readonly #source: Buffer;
  readonly #mask: number;
  /** The last block with a hash, and before each block another one with the same; −1: none. */
  readonly #last: Int32Array;
  readonly #before: Int32Array;

  private constructor(source: Buffer, blocks: number) {
    this.#source = source;
    const slots = 1 << Math.max(4, 32 - Math.clz32(blocks));
    this.#mask = slots - 1;
    this.#last = new Int32Array(slots).fill(-1);
    this.#before = new Int32Array(blocks);
    for (let block = 0; block < blocks; block++) {
      const slot = spread(hashAt(source, block * blockBytes)) & this.#mask;
      this.#before[block] = this.#last[slot] as number;
      this.#last[slot] = block;
    }
  }

  static of(source: Buffer): BlockIndex | undefined {
    const blocks = Math.floor(source.length / blockBytes);
    return blocks === 0 ? undefined : new BlockIndex(source, blocks);
  }

  /** The longest match that has the block at `at`, within `target[from, end)`. */
  longest(target: Buffer, hash: number, at: number, from: number, end: number, isText: boolean): Match | undefined {
    let best: Match | undefined;
    let block = this.#last[spread(hash) & this.#mask] as number;
    for (let looked = 0; block >= 0 && looked < maxCandidates; looked++, block = this.#before[block] as number) {
      const match = this.#extend(target, block * blockBytes, at, from, end, isText);
      if (match === undefined) continue;
      if (best === undefined || match.end - match.start > best.end - best.start) best = match;
    }
    return best;
  }

  #extend(target: Buffer, block: number, at: number, from: number, limit: number, isText: boolean): Match | undefined {
    const source = this.#source;
    let end = at;
    let sourceEnd = block;
    while (end < limit && sourceEnd < source.length && target[end] === source[sourceEnd]) {
      end++;
      sourceEnd++;
    }
    if (end - at < blockBytes) return undefined;
    let start = at;
    let sourceStart = block;
    while (start > from && sourceStart > 0 && target[start - 1] === source[sourceStart - 1]) {
      start--;
      sourceStart--;
    }
    if (isText) {
      while (start < end && !isBoundary(target, start)) {
        start++;
        sourceStart++;
      }
      while (end > start && !isBoundary(target, end)) end--;
      // It must reach beyond where it was looked for, or the search would stand still.
      if (end - start < leastCopyBytes || end <= at) return undefined;
    }
    return { source: sourceStart, start, end };
  }
}

/** Whether a character of UTF-8 begins there, or the text ends. */
function isBoundary(text: Buffer, at: number): boolean {
  return at >= text.length || ((text[at] as number) & 0xc0) !== 0x80;
}

// The hash of a block can be rolled on by a byte: the sum of its bytes, and their sum weighted by their places.

function hashAt(bytes: Buffer, at: number): number {
  let sum = 0;
  let weighted = 0;
  for (let index = 0; index < blockBytes; index++) {
    const byte = bytes[at + index] as number;
    sum = (sum + byte) & 0xffff;
    weighted = (weighted + (blockBytes - index) * byte) & 0xffff;
  }
  return (weighted << 16) | sum;
}

/** The hash of the block at `at + 1`, of that at `at`; any number where there is none. */
function rolled(hash: number, bytes: Buffer, at: number): number {
  const old = bytes[at] as number;
  const next = bytes[at + blockBytes] ?? 0;
  const sum = ((hash & 0xffff) - old + next) & 0xffff;
  const weighted = ((hash >>> 16) - blockBytes * old + sum) & 0xffff;
  return (weighted << 16) | sum;
}

function spread(hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> 8;
}

function writeCopy(delta: ByteWriter, from: number, length: number): void {
  writeNumber(delta, length);
  delta.uint8(AT);
  writeNumber(delta, from);
  delta.uint8(COMMA);
}

function writeInsert(delta: ByteWriter, target: Buffer, from: number, end: number): void {
  writeNumber(delta, end - from);
  delta.uint8(COLON).bytes(target.subarray(from, end));
}

function writeNumber(delta: ByteWriter, value: number): void {
  let shift = 0;
  while (shift < 30 && value >>> (shift + 6) > 0) shift += 6;
  for (; shift >= 0; shift -= 6) delta.uint8(digits[(value >>> shift) & 0x3f] as number);
}

/** The sum of all big-endian 32-bit words, the last one filled up with zeros. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  const whole = bytes.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16);
    sum = (sum + (high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))) | 0;
  }
  for (let at = whole; at < bytes.length; at++) sum = (sum + ((bytes[at] as number) << (24 - 8 * (at & 3)))) | 0;
  return sum >>> 0;
}
