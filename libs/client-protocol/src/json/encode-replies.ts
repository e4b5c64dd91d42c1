import { ByteWriter } from '@pharos/bytes';
import type { HistoryResult } from '../messages/history.ts';
import type { PresenceResult } from '../messages/presence.ts';
import type { RefreshResult } from '../messages/refresh.ts';
import type { Reply, ReplyError } from '../messages/reply.ts';
import { beginMessage, type JsonWriter } from './json-writer.ts';
import { writeClientInfo, writeConnectResult, writePublications, writeSubscribeResult } from './write-values.ts';

/** The server's ping: a frame that holds an empty object. */
export const serverPing: Buffer = Buffer.from('{}');

/** One reply as a frame of its own. */
export function encodeReply(reply: Reply): Buffer {
  const frame = new ByteWriter();
  appendReply(frame, reply);
  return frame.view();
}

/** Appends a reply to a frame that may hold messages already. */
export function appendReply(frame: ByteWriter, reply: Reply): void {
  const json = beginMessage(frame);
  json.number('id', reply.id);
  json.open(reply.method);
  writeBody(json, reply);
  json.close().close();
}

function writeBody(json: JsonWriter, reply: Reply): void {
  switch (reply.method) {
    case 'error':
      return writeError(json, reply.error);
    case 'connect':
      return writeConnectResult(json, reply.result);
    case 'subscribe':
      return writeSubscribeResult(json, reply.result);
    case 'presence':
      return writePresence(json, reply.result);
    case 'presence_stats':
      // Zeros too: SDKs promise numbers to applications.
      json.alwaysNumber('num_clients', reply.result.numClients).alwaysNumber('num_users', reply.result.numUsers);
      return;
    case 'history':
      return writeHistory(json, reply.result);
    case 'rpc':
      json.raw('data', reply.result.data);
      return;
    case 'refresh':
      return writeRefresh(json, reply.result);
    case 'sub_refresh':
      json.boolean('expires', reply.result.expires).number('ttl', reply.result.ttlSeconds);
      return;
    case 'unsubscribe':
    case 'publish':
    case 'ping':
      return;
  }
}

function writeError(json: JsonWriter, error: ReplyError): void {
  json.alwaysNumber('code', error.code).string('message', error.message).boolean('temporary', error.temporary);
}

function writePresence(json: JsonWriter, result: PresenceResult): void {
  json.open('presence');
  for (const [client, info] of result.presence) {
    json.openMember(client);
    writeClientInfo(json, info);
    json.close();
  }
  json.close();
}

function writeHistory(json: JsonWriter, result: HistoryResult): void {
  writePublications(json, result.publications);
  json.string('epoch', result.epoch).number('offset', result.offset);
}

function writeRefresh(json: JsonWriter, result: RefreshResult): void {
  json.string('client', result.client).string('version', result.version);
  json.boolean('expires', result.expires).number('ttl', result.ttlSeconds);
}
