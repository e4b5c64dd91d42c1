import { PulsarError } from '../errors.ts';
import { compressionType, type MessageMetadata } from '../wire/index.ts';
import type { CompressionCodec } from './codec.ts';
import { lz4Codec } from './lz4.ts';
import { snappyCodec } from './snappy.ts';
import { zlibCodec } from './zlib.ts';
import { zstdCodec } from './zstd.ts';

export { prepareZstd as prepareCompression } from './zstd.ts';

interface Compression {
  readonly name: string;
  /** Loads what it needs: nobody who doesn't compress depends on native code. */
  readonly load: () => CompressionCodec;
}

/** A further compression is a file beside this one and a line here. */
const compressions: Readonly<Record<number, Compression>> = {
  [compressionType.lz4]: { name: 'LZ4', load: lz4Codec },
  [compressionType.zlib]: { name: 'Zlib', load: zlibCodec },
  [compressionType.zstd]: { name: 'ZSTD', load: zstdCodec },
  [compressionType.snappy]: { name: 'SNAPPY', load: snappyCodec },
};

const loaded = new Map<number, CompressionCodec>();

/**
 * The codec of a number of `MessageMetadata.compression`; `undefined` for none.
 *
 * @throws PulsarError `OperationNotSupported` for a number that isn't known, and where the library can't be loaded
 */
export function compressionCodec(type: number | undefined): CompressionCodec | undefined {
  if (type === undefined || type === compressionType.none) return undefined;
  return loaded.get(type) ?? load(type);
}

function load(type: number): CompressionCodec {
  const compression = compressions[type];
  if (compression === undefined) {
    const names = Object.values(compressions).map(({ name }) => name);
    const text = `compression number ${type} is not supported; ${names.join(', ')} are`;
    throw new PulsarError('OperationNotSupported', text);
  }
  try {
    const codec = compression.load();
    loaded.set(type, codec);
    return codec;
  } catch (cause) {
    const text = `compression ${compression.name} needs a library that can not be loaded here`;
    throw new PulsarError('OperationNotSupported', text, { cause });
  }
}

/**
 * The payload of an entry as its producer had it.
 *
 * @param maxBytes what an entry may be made of, against a payload that claims to become huge
 * @throws PulsarError `OperationNotSupported` for a compression that isn't there, `InvalidMessage` for damage
 */
export function uncompressed(metadata: MessageMetadata, payload: Buffer, maxBytes: number): Buffer {
  const codec = compressionCodec(metadata.compression);
  if (codec === undefined) return payload;
  const size = metadata.uncompressedSize ?? 0;
  if (size > maxBytes) {
    throw new PulsarError(
      'InvalidMessage',
      `the entry says that it holds ${size} bytes, at most ${maxBytes} are taken`,
    );
  }
  if (size > payload.length * codec.maxRatio) {
    const text = `the entry says that it holds ${size} bytes, which ${payload.length} can not become`;
    throw new PulsarError('InvalidMessage', text);
  }
  try {
    const plain = codec.uncompress(payload, size);
    if (plain.length === size) return plain;
    throw new PulsarError('InvalidMessage', `the entry says that it holds ${size} bytes, it holds ${plain.length}`);
  } catch (cause) {
    if (cause instanceof PulsarError) throw cause;
    throw new PulsarError('InvalidMessage', 'the entry can not be uncompressed', { cause });
  }
}
