import { ByteWriter } from '@pharos/bytes';
import type {
  ChannelRef,
  DisconnectPush,
  Push,
  RefreshPush,
  SubscribePush,
  UnsubscribePush,
} from '../messages/push.ts';
import { beginMessage, type JsonWriter } from './json-writer.ts';
import { writeClientInfo, writeConnectResult, writePublication } from './write-values.ts';

/** One push as a frame of its own. Publications to many go by {@link PublicationFrameBuilder}. */
export function encodePush(push: Push): Buffer {
  const frame = new ByteWriter();
  appendPush(frame, push);
  return frame.view();
}

/** Appends a push to a frame that may hold messages already. */
export function appendPush(frame: ByteWriter, push: Push): void {
  const json = beginMessage(frame);
  json.open('push');
  if ('channel' in push) writeChannel(json, push);
  json.open(push.kind);
  writeBody(json, push);
  json.close().close().close();
}

/** Members `id` or `channel` of a push. */
export function writeChannel(json: JsonWriter, ref: ChannelRef): void {
  if (ref.id === undefined || ref.id === 0) json.string('channel', ref.channel);
  else json.number('id', ref.id);
}

function writeBody(json: JsonWriter, push: Push): void {
  switch (push.kind) {
    case 'pub':
      return writePublication(json, push.publication);
    case 'join':
    case 'leave':
      json.open('info');
      writeClientInfo(json, push.info);
      json.close();
      return;
    case 'unsubscribe':
      return writeUnsubscribe(json, push.unsubscribe);
    case 'subscribe':
      return writeSubscribe(json, push.subscribe);
    case 'message':
      json.raw('data', push.data);
      return;
    case 'connect':
      return writeConnectResult(json, push.connect);
    case 'disconnect':
      return writeDisconnect(json, push.disconnect);
    case 'refresh':
      return writeRefresh(json, push.refresh);
  }
}

function writeUnsubscribe(json: JsonWriter, push: UnsubscribePush): void {
  json.alwaysNumber('code', push.code).alwaysString('reason', push.reason);
}

function writeSubscribe(json: JsonWriter, push: SubscribePush): void {
  json.boolean('recoverable', push.recoverable).string('epoch', push.epoch).number('offset', push.offset);
  json.boolean('positioned', push.positioned).raw('data', push.data);
}

function writeDisconnect(json: JsonWriter, push: DisconnectPush): void {
  json.alwaysNumber('code', push.code).alwaysString('reason', push.reason).boolean('reconnect', push.reconnect);
}

function writeRefresh(json: JsonWriter, push: RefreshPush): void {
  json.boolean('expires', push.expires).number('ttl', push.ttlSeconds);
}
