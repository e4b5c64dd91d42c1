import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import type * as Wasm from '@bokuweb/zstd-wasm';
import { PulsarError } from '../errors.ts';
import type { CompressionCodec } from './codec.ts';

/** What `node:zlib` has from Node 22.15 on, and the types of Node 20 don't know. */
interface NodeZstd {
  readonly zstdCompressSync: (payload: Buffer) => Buffer;
  readonly zstdDecompressSync: (payload: Buffer, options: { readonly maxOutputLength: number }) => Buffer;
}

type WasmZstd = typeof Wasm;

/** The level of the official clients. */
const level = 3;

/** A frame, not a skippable one. */
const frameMagic = 0xfd2fb528;

// Text takes a few thousand to one at most, runs of one byte any ratio.
const maxRatio: number = Number.POSITIVE_INFINITY;

const node: NodeZstd | undefined = 'zstdCompressSync' in zlib ? (zlib as unknown as NodeZstd) : undefined;

let wasm: WasmZstd | undefined;
let wasmFailure: unknown;
let loading: Promise<void> | undefined;

/**
 * Makes ZSTD usable where Node has none of its own, once and never rejecting: what went wrong is told by the codec. Part of
 * opening a connection, because entries are read without waiting.
 */
export function prepareZstd(): Promise<void> {
  if (node !== undefined) return Promise.resolve();
  loading ??= loadWasm();
  return loading;
}

/** What the protocol calls ZSTD: one frame. By `node:zlib` where that has it, else by WebAssembly. */
export function zstdCodec(): CompressionCodec {
  return node === undefined ? wasmCodec : nodeCodec(node);
}

function nodeCodec({ zstdCompressSync, zstdDecompressSync }: NodeZstd): CompressionCodec {
  return {
    maxRatio,
    compress: (payload) => zstdCompressSync(payload),
    // A limit of 0 would mean none.
    uncompress: (payload, size) => zstdDecompressSync(payload, { maxOutputLength: Math.max(1, size) }),
  };
}

/** Exported for tests, which run on a Node that may have its own. */
export const wasmCodec: CompressionCodec = {
  maxRatio,
  compress: (payload) => asBuffer(loaded().compress(payload, level)),
  uncompress: (payload, size) => {
    const library = loaded();
    const claimed = contentSize(payload);
    // The library makes room for what the frame says of itself, or where it says nothing for what it is told here.
    if (claimed !== undefined && claimed !== size)
      throw new RangeError(`a frame of ${claimed} bytes, ${size} expected`);
    return asBuffer(library.decompress(payload, { defaultHeapSize: Math.max(1, size) }));
  },
};

export async function loadWasm(): Promise<void> {
  try {
    const library = createRequire(import.meta.url)('@bokuweb/zstd-wasm') as WasmZstd;
    await library.init();
    wasm = library;
  } catch (error) {
    wasmFailure = error;
  }
}

function loaded(): WasmZstd {
  if (wasm !== undefined) return wasm;
  throw new PulsarError('OperationNotSupported', 'compression ZSTD needs its library, which is not loaded', {
    cause: wasmFailure,
  });
}

/** What a frame says that it holds; `undefined` where it says nothing. @see RFC 8878, section 3.1.1.1 */
function contentSize(frame: Buffer): number | undefined {
  if (frame.length < 5 || frame.readUInt32LE(0) !== frameMagic) throw new RangeError('not a ZSTD frame');
  const descriptor = frame[4] as number;
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const at = 5 + (singleSegment ? 0 : 1) + dictionaryBytes;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  if (frame.length < at + sizeBytes) throw new RangeError('a ZSTD frame that ends within its header');
  if (sizeBytes === 0) return undefined;
  if (sizeBytes === 8) return Number(frame.readBigUInt64LE(at));
  return frame.readUIntLE(at, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
