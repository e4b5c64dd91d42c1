import { type Codec, jsonCodec, protobufCodec } from '@pharos/client-protocol';
import type { RequestHead } from '@pharos/socket-server';

/** Whether the query asks for Protobuf. */
export function asksForProtobuf(head: RequestHead): boolean {
  const query = new URLSearchParams(head.query);
  return query.get('format') === 'protobuf' || query.get('cf_protocol') === 'protobuf';
}

/** Whether the body says that it is Protobuf, as SDKs have it. */
export function isProtobufBody(head: RequestHead): boolean {
  return /^application\/octet-stream\s*(;|$)/i.test(head.header('content-type'));
}

/** Of a request whose body is the first of what comes. */
export function codecOfBody(head: RequestHead): Codec {
  return isProtobufBody(head) || asksForProtobuf(head) ? protobufCodec : jsonCodec;
}
