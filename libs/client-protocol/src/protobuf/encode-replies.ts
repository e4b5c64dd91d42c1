import { ByteWriter } from '@pharos/bytes';
import type { HistoryResult } from '../messages/history.ts';
import type { PresenceResult, PresenceStatsResult } from '../messages/presence.ts';
import type { RefreshResult } from '../messages/refresh.ts';
import type { Reply, ReplyError } from '../messages/reply.ts';
import { beginMessage, type MessageWriter } from './message-writer.ts';
import { writeClientInfo, writeConnectResult, writePublications, writeSubscribeResult } from './write-values.ts';

/** The server's ping: a frame that holds an empty message. */
export const protobufServerPing: Buffer = Buffer.from([0]);

/** The fields of Reply. */
const fieldNumbers: Readonly<Record<Reply['method'], number>> = {
  error: 2,
  connect: 5,
  subscribe: 6,
  unsubscribe: 7,
  publish: 8,
  presence: 9,
  presence_stats: 10,
  history: 11,
  ping: 12,
  rpc: 13,
  refresh: 14,
  sub_refresh: 15,
};

/** One reply as a frame of its own. */
export function encodeProtobufReply(reply: Reply): Buffer {
  const frame = new ByteWriter();
  appendProtobufReply(frame, reply);
  return frame.view();
}

/** Appends a reply to a frame that may hold messages already. */
export function appendProtobufReply(frame: ByteWriter, reply: Reply): void {
  const message = beginMessage(frame);
  message.number(1, reply.id);
  message.open(fieldNumbers[reply.method]);
  writeBody(message, reply);
  message.close().close();
}

function writeBody(message: MessageWriter, reply: Reply): void {
  switch (reply.method) {
    case 'error':
      return writeError(message, reply.error);
    case 'connect':
      return writeConnectResult(message, reply.result);
    case 'subscribe':
      return writeSubscribeResult(message, reply.result);
    case 'presence':
      return writePresence(message, reply.result);
    case 'presence_stats':
      return writePresenceStats(message, reply.result);
    case 'history':
      return writeHistory(message, reply.result);
    case 'rpc':
      message.raw(1, reply.result.data);
      return;
    case 'refresh':
      return writeRefresh(message, reply.result);
    case 'sub_refresh':
      message.boolean(1, reply.result.expires).number(2, reply.result.ttlSeconds);
      return;
    case 'unsubscribe':
    case 'publish':
    case 'ping':
      return;
  }
}

/** code[1] message[2] temporary[3] */
function writeError(message: MessageWriter, error: ReplyError): void {
  message.number(1, error.code).string(2, error.message).boolean(3, error.temporary);
}

/** presence[1, map] */
function writePresence(message: MessageWriter, result: PresenceResult): void {
  for (const [client, info] of result.presence) {
    message.openEntry(1, client).open(2);
    writeClientInfo(message, info);
    message.close().close();
  }
}

/** num_clients[1] num_users[2] */
function writePresenceStats(message: MessageWriter, result: PresenceStatsResult): void {
  message.number(1, result.numClients).number(2, result.numUsers);
}

/** publications[1] epoch[2] offset[3] */
function writeHistory(message: MessageWriter, result: HistoryResult): void {
  writePublications(message, 1, result.publications);
  message.string(2, result.epoch).number(3, result.offset);
}

/** client[1] version[2] expires[3] ttl[4] */
function writeRefresh(message: MessageWriter, result: RefreshResult): void {
  message.string(1, result.client).string(2, result.version);
  message.boolean(3, result.expires).number(4, result.ttlSeconds);
}
