// The codecs of messages that are no commands, for the tests that go over all of them.
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeAuthData, encodeAuthData } from '../../src/wire/auth-data.ts';
import { decodeBrokerEntryMetadata, encodeBrokerEntryMetadata } from '../../src/wire/broker-entry-metadata.ts';
import { decodeFeatureFlags, encodeFeatureFlags } from '../../src/wire/feature-flags.ts';
import { decodeIntRange, encodeIntRange } from '../../src/wire/int-range.ts';
import { decodeKeyLongValue, encodeKeyLongValue } from '../../src/wire/key-long-value.ts';
import { decodeKeySharedMeta, encodeKeySharedMeta } from '../../src/wire/key-shared-meta.ts';
import { decodeKeyValue, encodeKeyValue } from '../../src/wire/key-value.ts';
import { decodeMessageIdData, encodeMessageIdData } from '../../src/wire/message-id.ts';
import { decodeMessageMetadata, encodeMessageMetadata } from '../../src/wire/message-metadata.ts';
import { decodeSchema, encodeSchema } from '../../src/wire/schema.ts';
import { decodeSingleMessageMetadata, encodeSingleMessageMetadata } from '../../src/wire/single-message-metadata.ts';

export interface MessageCodec {
  readonly encode: (writer: ByteWriter, value: never) => void;
  readonly decode: (reader: ByteReader) => unknown;
}

/** By the messages' names in the protocol. */
export const messageCodecs: Readonly<Record<string, MessageCodec>> = {
  AuthData: { encode: encodeAuthData, decode: decodeAuthData },
  BrokerEntryMetadata: { encode: encodeBrokerEntryMetadata, decode: decodeBrokerEntryMetadata },
  FeatureFlags: { encode: encodeFeatureFlags, decode: decodeFeatureFlags },
  IntRange: { encode: encodeIntRange, decode: decodeIntRange },
  KeyLongValue: { encode: encodeKeyLongValue, decode: decodeKeyLongValue },
  KeySharedMeta: { encode: encodeKeySharedMeta, decode: decodeKeySharedMeta },
  KeyValue: { encode: encodeKeyValue, decode: decodeKeyValue },
  MessageIdData: { encode: encodeMessageIdData, decode: decodeMessageIdData },
  MessageMetadata: { encode: encodeMessageMetadata, decode: decodeMessageMetadata },
  Schema: { encode: encodeSchema, decode: decodeSchema },
  SingleMessageMetadata: { encode: encodeSingleMessageMetadata, decode: decodeSingleMessageMetadata },
};
