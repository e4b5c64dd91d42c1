/*
 * KeySharedMeta
 *    1 required enum          keySharedMode
 *    3 repeated IntRange      hashRanges
 *    4 optional bool          allowOutOfOrderDelivery = false
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeIntRange, encodeIntRange } from './int-range.ts';
import type { IntRange } from './int-range.ts';
import {
  readBool,
  readInt32,
  readMessage,
  readTag,
  required,
  skipField,
  writeBool,
  writeInt,
  writeMessage,
} from './protobuf.ts';

/** Numbers of `KeySharedMeta.keySharedMode`. */
export const keySharedMode = { autoSplit: 0, sticky: 1 } as const;

/** How a Key_Shared consumer takes its share of the keys. */
export interface KeySharedMeta {
  /** See {@link keySharedMode}. */
  readonly keySharedMode: number;
  /** The ranges of a sticky consumer. */
  readonly hashRanges?: readonly IntRange[] | undefined;
  readonly allowOutOfOrderDelivery?: boolean | undefined;
}

export function encodeKeySharedMeta(writer: ByteWriter, value: KeySharedMeta): void {
  writeInt(writer, 1, value.keySharedMode);
  if (value.hashRanges !== undefined)
    for (const item of value.hashRanges) writeMessage(writer, 3, item, encodeIntRange);
  writeBool(writer, 4, value.allowOutOfOrderDelivery);
}

export function decodeKeySharedMeta(reader: ByteReader): KeySharedMeta {
  let keySharedMode: number | undefined;
  let hashRanges: IntRange[] | undefined;
  let allowOutOfOrderDelivery: boolean | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        keySharedMode = readInt32(reader, tag);
        break;
      case 3:
        (hashRanges ??= []).push(readMessage(reader, tag, decodeIntRange));
        break;
      case 4:
        allowOutOfOrderDelivery = readBool(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return { keySharedMode: required(keySharedMode, 'KeySharedMeta.keySharedMode'), hashRanges, allowOutOfOrderDelivery };
}
