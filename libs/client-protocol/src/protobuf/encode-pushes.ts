import { ByteWriter } from '@pharos/bytes';
import type {
  ChannelRef,
  DisconnectPush,
  Push,
  RefreshPush,
  SubscribePush,
  UnsubscribePush,
} from '../messages/push.ts';
import { beginMessage, type MessageWriter } from './message-writer.ts';
import { writeClientInfo, writeConnectPush, writePublication } from './write-values.ts';

/** The field of Reply that holds a push. */
export const pushField = 4;

/** The fields of Push. */
export const pushFieldNumbers: Readonly<Record<Push['kind'], number>> = {
  pub: 4,
  join: 5,
  leave: 6,
  unsubscribe: 7,
  message: 8,
  subscribe: 9,
  connect: 10,
  disconnect: 11,
  refresh: 12,
};

/** One push as a frame of its own. Publications to many go by {@link ProtobufPublicationFrameBuilder}. */
export function encodeProtobufPush(push: Push): Buffer {
  const frame = new ByteWriter();
  appendProtobufPush(frame, push);
  return frame.view();
}

/** Appends a push to a frame that may hold messages already. */
export function appendProtobufPush(frame: ByteWriter, push: Push): void {
  const message = beginMessage(frame).open(pushField);
  if ('channel' in push) writeChannel(message, push);
  message.open(pushFieldNumbers[push.kind]);
  writeBody(message, push);
  message.close().close().close();
}

/** id[1] or channel[2] */
export function writeChannel(message: MessageWriter, ref: ChannelRef): void {
  if (ref.id === undefined || ref.id === 0) message.string(2, ref.channel);
  else message.number(1, ref.id);
}

function writeBody(message: MessageWriter, push: Push): void {
  switch (push.kind) {
    case 'pub':
      return writePublication(message, push.publication);
    case 'join':
    case 'leave':
      message.open(1);
      writeClientInfo(message, push.info);
      message.close();
      return;
    case 'unsubscribe':
      return writeUnsubscribe(message, push.unsubscribe);
    case 'subscribe':
      return writeSubscribe(message, push.subscribe);
    case 'message':
      message.raw(1, push.data);
      return;
    case 'connect':
      return writeConnectPush(message, push.connect);
    case 'disconnect':
      return writeDisconnect(message, push.disconnect);
    case 'refresh':
      return writeRefresh(message, push.refresh);
  }
}

/** code[2] reason[3] */
function writeUnsubscribe(message: MessageWriter, push: UnsubscribePush): void {
  message.number(2, push.code).string(3, push.reason);
}

/** recoverable[1] epoch[4] offset[5] positioned[6] data[7] */
function writeSubscribe(message: MessageWriter, push: SubscribePush): void {
  message.boolean(1, push.recoverable).string(4, push.epoch).number(5, push.offset);
  message.boolean(6, push.positioned).raw(7, push.data);
}

/** code[1] reason[2] reconnect[3] */
function writeDisconnect(message: MessageWriter, push: DisconnectPush): void {
  message.number(1, push.code).string(2, push.reason).boolean(3, push.reconnect);
}

/** expires[1] ttl[2] */
function writeRefresh(message: MessageWriter, push: RefreshPush): void {
  message.boolean(1, push.expires).number(2, push.ttlSeconds);
}
