/*
 * CommandGetLastMessageIdResponse
 *    1 required MessageIdData last_message_id
 *    2 required uint64        request_id
 *    3 optional MessageIdData consumer_mark_delete_position
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeMessageIdData, encodeMessageIdData } from '../message-id.ts';
import type { MessageIdData } from '../message-id.ts';
import { readMessage, readTag, readUint, required, skipField, writeMessage, writeUint } from '../protobuf.ts';

/** The topic's last message; entry -1 where there is none. */
export interface CommandGetLastMessageIdResponse {
  readonly lastMessageId: MessageIdData;
  readonly requestId: number;
  readonly consumerMarkDeletePosition?: MessageIdData | undefined;
}

export function encodeCommandGetLastMessageIdResponse(
  writer: ByteWriter,
  command: CommandGetLastMessageIdResponse,
): void {
  writeMessage(writer, 1, command.lastMessageId, encodeMessageIdData);
  writeUint(writer, 2, command.requestId);
  writeMessage(writer, 3, command.consumerMarkDeletePosition, encodeMessageIdData);
}

export function decodeCommandGetLastMessageIdResponse(reader: ByteReader): CommandGetLastMessageIdResponse {
  let lastMessageId: MessageIdData | undefined;
  let requestId: number | undefined;
  let consumerMarkDeletePosition: MessageIdData | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        lastMessageId = readMessage(reader, tag, decodeMessageIdData);
        break;
      case 2:
        requestId = readUint(reader, tag);
        break;
      case 3:
        consumerMarkDeletePosition = readMessage(reader, tag, decodeMessageIdData);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    lastMessageId: required(lastMessageId, 'CommandGetLastMessageIdResponse.last_message_id'),
    requestId: required(requestId, 'CommandGetLastMessageIdResponse.request_id'),
    consumerMarkDeletePosition,
  };
}
