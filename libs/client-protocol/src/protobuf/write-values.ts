import type { ClientInfo } from '../messages/client-info.ts';
import type { ConnectResult } from '../messages/connect.ts';
import type { Publication } from '../messages/publication.ts';
import type { SubscribeResult } from '../messages/subscribe.ts';
import type { MessageWriter } from './message-writer.ts';

// Values that occur in replies and pushes alike: each function writes the fields of a message that is already open.

/** user[1] client[2] conn_info[3] chan_info[4] */
export function writeClientInfo(message: MessageWriter, info: ClientInfo): void {
  message.string(1, info.user).string(2, info.client).raw(3, info.connInfo).raw(4, info.chanInfo);
}

/** data[4] info[5] offset[6] tags[7] delta[8] time[9] channel[10] */
export function writePublication(message: MessageWriter, publication: Publication): void {
  message.raw(4, publication.data);
  if (publication.info !== undefined) {
    message.open(5);
    writeClientInfo(message, publication.info);
    message.close();
  }
  message.number(6, publication.offset);
  for (const [name, value] of publication.tags ?? []) message.stringEntry(7, name, value);
  message.boolean(8, publication.delta).number(9, publication.timeMs).string(10, publication.channel);
}

export function writePublications(
  message: MessageWriter,
  field: number,
  publications: readonly Publication[] | undefined,
): void {
  for (const publication of publications ?? []) {
    message.open(field);
    writePublication(message, publication);
    message.close();
  }
}

/**
 * expires[1] ttl[2] recoverable[3] epoch[6] publications[7] recovered[8] offset[9] positioned[10] data[11]
 * was_recovering[12] delta[13] id[14]
 */
export function writeSubscribeResult(message: MessageWriter, result: SubscribeResult): void {
  message.boolean(1, result.expires).number(2, result.ttlSeconds);
  message.boolean(3, result.recoverable).string(6, result.epoch);
  writePublications(message, 7, result.publications);
  message.boolean(8, result.recovered).number(9, result.offset).boolean(10, result.positioned).raw(11, result.data);
  message.boolean(12, result.wasRecovering).boolean(13, result.delta).number(14, result.id);
}

/** client[1] version[2] expires[3] ttl[4] data[5] subs[6] ping[7] pong[8] session[9] node[10] time[11] */
export function writeConnectResult(message: MessageWriter, result: ConnectResult): void {
  message.string(1, result.client).string(2, result.version);
  message.boolean(3, result.expires).number(4, result.ttlSeconds).raw(5, result.data);
  writeSubs(message, 6, result);
  writeConnectEnd(message, result);
}

/** client[1] version[2] data[3] subs[4] expires[5] ttl[6] ping[7] pong[8] session[9] node[10] time[11] */
export function writeConnectPush(message: MessageWriter, push: ConnectResult): void {
  message.string(1, push.client).string(2, push.version).raw(3, push.data);
  writeSubs(message, 4, push);
  message.boolean(5, push.expires).number(6, push.ttlSeconds);
  writeConnectEnd(message, push);
}

/** Map of channels to their results. */
function writeSubs(message: MessageWriter, field: number, { subs }: ConnectResult): void {
  for (const [channel, sub] of subs ?? []) {
    message.openEntry(field, channel).open(2);
    writeSubscribeResult(message, sub);
    message.close().close();
  }
}

/** What the reply and the push have under the same numbers. */
function writeConnectEnd(message: MessageWriter, result: ConnectResult): void {
  message.number(7, result.pingSeconds).boolean(8, result.pong);
  message.string(9, result.session).string(10, result.node).number(11, result.timeMs);
}
