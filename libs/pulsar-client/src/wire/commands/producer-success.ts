/*
 * CommandProducerSuccess
 *    1 required uint64        request_id
 *    2 required string        producer_name
 *    3 optional int64         last_sequence_id = -1
 *    4 optional bytes         schema_version
 *    5 optional uint64        topic_epoch
 *    6 optional bool          producer_ready = true
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import {
  readBool,
  readBytes,
  readInt,
  readString,
  readTag,
  readUint,
  required,
  skipField,
  writeBool,
  writeBytes,
  writeInt,
  writeString,
  writeUint,
} from '../protobuf.ts';

/** The producer exists. */
export interface CommandProducerSuccess {
  readonly requestId: number;
  readonly producerName: string;
  /** The last one stored under this name, where deduplication is on. */
  readonly lastSequenceId?: number | undefined;
  readonly schemaVersion?: Buffer | undefined;
  readonly topicEpoch?: number | undefined;
  /** False: waiting for exclusive access; a second answer follows. */
  readonly producerReady?: boolean | undefined;
}

export function encodeCommandProducerSuccess(writer: ByteWriter, command: CommandProducerSuccess): void {
  writeUint(writer, 1, command.requestId);
  writeString(writer, 2, command.producerName);
  writeInt(writer, 3, command.lastSequenceId);
  writeBytes(writer, 4, command.schemaVersion);
  writeInt(writer, 5, command.topicEpoch);
  writeBool(writer, 6, command.producerReady);
}

export function decodeCommandProducerSuccess(reader: ByteReader): CommandProducerSuccess {
  let requestId: number | undefined;
  let producerName: string | undefined;
  let lastSequenceId: number | undefined;
  let schemaVersion: Buffer | undefined;
  let topicEpoch: number | undefined;
  let producerReady: boolean | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        requestId = readUint(reader, tag);
        break;
      case 2:
        producerName = readString(reader, tag);
        break;
      case 3:
        lastSequenceId = readInt(reader, tag);
        break;
      case 4:
        schemaVersion = readBytes(reader, tag);
        break;
      case 5:
        topicEpoch = readInt(reader, tag);
        break;
      case 6:
        producerReady = readBool(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    requestId: required(requestId, 'CommandProducerSuccess.request_id'),
    producerName: required(producerName, 'CommandProducerSuccess.producer_name'),
    lastSequenceId,
    schemaVersion,
    topicEpoch,
    producerReady,
  };
}
