import { PulsarError } from '../errors.ts';
import { compressionType, type MessageMetadata } from '../wire/index.ts';
import type { CompressionCodec } from './codec.ts';
import { zlibCodec } from './zlib.ts';

/** A further compression is a file beside this one and a line here. */
const codecs: Readonly<Record<number, CompressionCodec>> = { [compressionType.zlib]: zlibCodec };

const names: Readonly<Record<number, string>> = {
  [compressionType.lz4]: 'LZ4',
  [compressionType.zlib]: 'Zlib',
  [compressionType.zstd]: 'ZSTD',
  [compressionType.snappy]: 'SNAPPY',
};

/** The codec of a number of `MessageMetadata.compression`; `undefined` for none. @throws PulsarError `OperationNotSupported` */
export function compressionCodec(type: number | undefined): CompressionCodec | undefined {
  if (type === undefined || type === compressionType.none) return undefined;
  const codec = codecs[type];
  if (codec !== undefined) return codec;
  const name = names[type] ?? `number ${type}`;
  throw new PulsarError('OperationNotSupported', `compression ${name} is not supported yet; None and Zlib are`);
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
  try {
    const plain = codec.uncompress(payload, size);
    if (plain.length === size) return plain;
    throw new PulsarError('InvalidMessage', `the entry says that it holds ${size} bytes, it holds ${plain.length}`);
  } catch (cause) {
    if (cause instanceof PulsarError) throw cause;
    throw new PulsarError('InvalidMessage', 'the entry can not be uncompressed', { cause });
  }
}
