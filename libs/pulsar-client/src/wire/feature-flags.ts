/*
 * FeatureFlags
 *    1 optional bool          supports_auth_refresh = false
 *    2 optional bool          supports_broker_entry_metadata = false
 *    3 optional bool          supports_partial_producer = false
 *    4 optional bool          supports_topic_watchers = false
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readBool, readTag, skipField, writeBool } from './protobuf.ts';

/** What the sender of CONNECT or CONNECTED can do; absent means no. */
export interface FeatureFlags {
  readonly supportsAuthRefresh?: boolean | undefined;
  /** Asks the broker to put {@link BrokerEntryMetadata} ahead of each entry. */
  readonly supportsBrokerEntryMetadata?: boolean | undefined;
  readonly supportsPartialProducer?: boolean | undefined;
  readonly supportsTopicWatchers?: boolean | undefined;
}

export function encodeFeatureFlags(writer: ByteWriter, value: FeatureFlags): void {
  writeBool(writer, 1, value.supportsAuthRefresh);
  writeBool(writer, 2, value.supportsBrokerEntryMetadata);
  writeBool(writer, 3, value.supportsPartialProducer);
  writeBool(writer, 4, value.supportsTopicWatchers);
}

export function decodeFeatureFlags(reader: ByteReader): FeatureFlags {
  let supportsAuthRefresh: boolean | undefined;
  let supportsBrokerEntryMetadata: boolean | undefined;
  let supportsPartialProducer: boolean | undefined;
  let supportsTopicWatchers: boolean | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        supportsAuthRefresh = readBool(reader, tag);
        break;
      case 2:
        supportsBrokerEntryMetadata = readBool(reader, tag);
        break;
      case 3:
        supportsPartialProducer = readBool(reader, tag);
        break;
      case 4:
        supportsTopicWatchers = readBool(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return { supportsAuthRefresh, supportsBrokerEntryMetadata, supportsPartialProducer, supportsTopicWatchers };
}
