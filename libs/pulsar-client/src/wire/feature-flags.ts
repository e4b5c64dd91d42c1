/*
 * FeatureFlags
 *    1 optional bool          supports_auth_refresh = false
 *    2 optional bool          supports_broker_entry_metadata = false
 *    3 optional bool          supports_partial_producer = false
 *    4 optional bool          supports_topic_watchers = false
 *    5 optional bool          supports_get_partitioned_metadata_without_auto_creation = false
 *    6 optional bool          supports_repl_dedup_by_lid_and_eid = false
 *    7 optional bool          supports_topic_watcher_reconcile = false
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
  readonly supportsGetPartitionedMetadataWithoutAutoCreation?: boolean | undefined;
  readonly supportsReplDedupByLidAndEid?: boolean | undefined;
  readonly supportsTopicWatcherReconcile?: boolean | undefined;
}

export function encodeFeatureFlags(writer: ByteWriter, value: FeatureFlags): void {
  writeBool(writer, 1, value.supportsAuthRefresh);
  writeBool(writer, 2, value.supportsBrokerEntryMetadata);
  writeBool(writer, 3, value.supportsPartialProducer);
  writeBool(writer, 4, value.supportsTopicWatchers);
  writeBool(writer, 5, value.supportsGetPartitionedMetadataWithoutAutoCreation);
  writeBool(writer, 6, value.supportsReplDedupByLidAndEid);
  writeBool(writer, 7, value.supportsTopicWatcherReconcile);
}

export function decodeFeatureFlags(reader: ByteReader): FeatureFlags {
  let supportsAuthRefresh: boolean | undefined;
  let supportsBrokerEntryMetadata: boolean | undefined;
  let supportsPartialProducer: boolean | undefined;
  let supportsTopicWatchers: boolean | undefined;
  let supportsGetPartitionedMetadataWithoutAutoCreation: boolean | undefined;
  let supportsReplDedupByLidAndEid: boolean | undefined;
  let supportsTopicWatcherReconcile: boolean | undefined;
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
      case 5:
        supportsGetPartitionedMetadataWithoutAutoCreation = readBool(reader, tag);
        break;
      case 6:
        supportsReplDedupByLidAndEid = readBool(reader, tag);
        break;
      case 7:
        supportsTopicWatcherReconcile = readBool(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    supportsAuthRefresh,
    supportsBrokerEntryMetadata,
    supportsPartialProducer,
    supportsTopicWatchers,
    supportsGetPartitionedMetadataWithoutAutoCreation,
    supportsReplDedupByLidAndEid,
    supportsTopicWatcherReconcile,
  };
}
