/*
 * CommandSeek
 *    1 required uint64        consumer_id
 *    2 required uint64        request_id
 *    3 optional MessageIdData message_id
 *    4 optional uint64        message_publish_time
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeMessageIdData, encodeMessageIdData } from '../message-id.ts';
import type { MessageIdData } from '../message-id.ts';
import { readMessage, readTag, readUint, required, skipField, writeMessage, writeUint } from '../protobuf.ts';

/** Moves a subscription; the broker then closes the consumer, which subscribes again. */
export interface CommandSeek {
  readonly consumerId: number;
  readonly requestId: number;
  readonly messageId?: MessageIdData | undefined;
  /** Milliseconds since 1970. */
  readonly messagePublishTime?: number | undefined;
}

export function encodeCommandSeek(writer: ByteWriter, command: CommandSeek): void {
  writeUint(writer, 1, command.consumerId);
  writeUint(writer, 2, command.requestId);
  writeMessage(writer, 3, command.messageId, encodeMessageIdData);
  writeUint(writer, 4, command.messagePublishTime);
}

export function decodeCommandSeek(reader: ByteReader): CommandSeek {
  let consumerId: number | undefined;
  let requestId: number | undefined;
  let messageId: MessageIdData | undefined;
  let messagePublishTime: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        consumerId = readUint(reader, tag);
        break;
      case 2:
        requestId = readUint(reader, tag);
        break;
      case 3:
        messageId = readMessage(reader, tag, decodeMessageIdData);
        break;
      case 4:
        messagePublishTime = readUint(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    consumerId: required(consumerId, 'CommandSeek.consumer_id'),
    requestId: required(requestId, 'CommandSeek.request_id'),
    messageId,
    messagePublishTime,
  };
}
