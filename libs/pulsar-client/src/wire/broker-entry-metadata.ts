/*
 * BrokerEntryMetadata
 *    1 optional uint64        broker_timestamp
 *    2 optional uint64        index
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readTag, readUint, skipField, writeUint } from './protobuf.ts';

/** What the broker adds to an entry when its interceptors are on. */
export interface BrokerEntryMetadata {
  /** Milliseconds since 1970. */
  readonly brokerTimestamp?: number | undefined;
  /** Index of the last message of the entry in its topic partition. */
  readonly index?: number | undefined;
}

export function encodeBrokerEntryMetadata(writer: ByteWriter, value: BrokerEntryMetadata): void {
  writeUint(writer, 1, value.brokerTimestamp);
  writeUint(writer, 2, value.index);
}

export function decodeBrokerEntryMetadata(reader: ByteReader): BrokerEntryMetadata {
  let brokerTimestamp: number | undefined;
  let index: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        brokerTimestamp = readUint(reader, tag);
        break;
      case 2:
        index = readUint(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return { brokerTimestamp, index };
}
