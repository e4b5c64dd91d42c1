export { ByteReader, MalformedBytes } from './byte-reader.ts';
export { ByteWriter } from './byte-writer.ts';
export { crc32c } from './crc32c.ts';
export { javaStringHash, javaStringHashOfUtf8 } from './java-string-hash.ts';
export { isUtf8 } from './utf8.ts';
