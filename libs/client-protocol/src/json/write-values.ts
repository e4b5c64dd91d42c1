import type { ClientInfo } from '../messages/client-info.ts';
import type { ConnectResult } from '../messages/connect.ts';
import type { Publication } from '../messages/publication.ts';
import type { SubscribeResult } from '../messages/subscribe.ts';
import type { JsonWriter } from './json-writer.ts';

// Values that occur in replies and pushes alike: each function writes the members of an object that is already open.

export function writeClientInfo(json: JsonWriter, info: ClientInfo): void {
  // Both names are always there: SDKs promise strings to applications.
  json.alwaysString('user', info.user).alwaysString('client', info.client);
  json.raw('conn_info', info.connInfo).raw('chan_info', info.chanInfo);
}

export function writeTags(json: JsonWriter, tags: ReadonlyMap<string, string>): void {
  for (const [name, value] of tags) json.stringMember(name, value);
}

export function writePublication(json: JsonWriter, publication: Publication): void {
  json.raw('data', publication.data);
  if (publication.info !== undefined) {
    json.open('info');
    writeClientInfo(json, publication.info);
    json.close();
  }
  json.number('offset', publication.offset);
  if (publication.tags !== undefined && publication.tags.size > 0) {
    json.open('tags');
    writeTags(json, publication.tags);
    json.close();
  }
  json.boolean('delta', publication.delta).number('time', publication.timeMs).string('channel', publication.channel);
}

export function writePublications(json: JsonWriter, publications: readonly Publication[] | undefined): void {
  if (publications === undefined || publications.length === 0) return;
  json.openList('publications');
  for (const publication of publications) {
    json.open();
    writePublication(json, publication);
    json.close();
  }
  json.closeList();
}

export function writeSubscribeResult(json: JsonWriter, result: SubscribeResult): void {
  json.boolean('expires', result.expires).number('ttl', result.ttlSeconds);
  json.boolean('recoverable', result.recoverable).string('epoch', result.epoch);
  writePublications(json, result.publications);
  json.boolean('recovered', result.recovered).number('offset', result.offset);
  json.boolean('positioned', result.positioned).raw('data', result.data);
  json.boolean('was_recovering', result.wasRecovering).boolean('delta', result.delta).number('id', result.id);
}

export function writeConnectResult(json: JsonWriter, result: ConnectResult): void {
  json.alwaysString('client', result.client).string('version', result.version);
  json.boolean('expires', result.expires).number('ttl', result.ttlSeconds).raw('data', result.data);
  if (result.subs !== undefined && result.subs.size > 0) {
    json.open('subs');
    for (const [channel, sub] of result.subs) {
      json.openMember(channel);
      writeSubscribeResult(json, sub);
      json.close();
    }
    json.close();
  }
  json.number('ping', result.pingSeconds).boolean('pong', result.pong);
  json.string('session', result.session).string('node', result.node).number('time', result.timeMs);
}
