import { type Codec, decodeConnectRequest, jsonCodec, ProtocolError } from '@pharos/client-protocol';

import { jsonEvents, jsonLines, protobufStream, pushEvents, pushLines } from './framing.ts';
import { codecOfBody } from './negotiation.ts';
import type { Begin, StreamEndpoint } from './stream-route.ts';

const eventStream = 'text/event-stream; charset=utf-8';
const jsonStream = 'application/x-ndjson; charset=utf-8';
/** An empty line is no event; it brings the head of the response on its way. */
const firstLine = '\n';

/** A frame of commands, the first of them `connect`: what is wrong with it the session says. */
function beginByFrame(first: Buffer, codec: Codec): Begin {
  if (first.length === 0) throw new ProtocolError('empty-frame', 'the connect command is missing');
  return (session) => session.message(first, codec.binary);
}

/** A connect request. */
function beginByRequest(first: Buffer): Begin {
  const request = decodeConnectRequest(first);
  return (session) => session.connectBy(request);
}

export function httpStreamEndpoint(maxBodyBytes: number): StreamEndpoint {
  return {
    path: '/connection/http_stream',
    methods: ['POST'],
    maxBodyBytes,
    contentType: ({ binary }) => (binary ? 'application/octet-stream' : jsonStream),
    codecOf: codecOfBody,
    framingOf: ({ binary }) => (binary ? protobufStream : jsonLines),
    opening: '',
    begin: beginByFrame,
  };
}

export function sseEndpoint(maxBodyBytes: number): StreamEndpoint {
  return {
    path: '/connection/sse',
    methods: ['GET', 'POST'],
    maxBodyBytes,
    contentType: () => eventStream,
    codecOf: () => jsonCodec,
    framingOf: () => jsonEvents,
    opening: firstLine,
    begin: beginByFrame,
  };
}

export function uniHttpStreamEndpoint(maxBodyBytes: number): StreamEndpoint {
  return {
    path: '/connection/uni_http_stream',
    methods: ['POST'],
    maxBodyBytes,
    contentType: () => jsonStream,
    codecOf: () => jsonCodec,
    framingOf: () => pushLines,
    opening: '',
    begin: beginByRequest,
  };
}

export function uniSseEndpoint(maxBodyBytes: number): StreamEndpoint {
  return {
    path: '/connection/uni_sse',
    methods: ['GET', 'POST'],
    maxBodyBytes,
    contentType: () => eventStream,
    codecOf: () => jsonCodec,
    framingOf: () => pushEvents,
    opening: firstLine,
    begin: beginByRequest,
  };
}
