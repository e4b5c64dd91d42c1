import { bytes, z } from '@pharos/config';
import type { SocketServer } from '@pharos/socket-server';

import type { Admission } from './accept/admission.ts';
import { clientRoute } from './accept/client-route.ts';
import { emulationRoutes } from './accept/emulation-route.ts';
import { HttpDoor } from './accept/http-door.ts';
import { httpStreamEndpoint, sseEndpoint, uniHttpStreamEndpoint, uniSseEndpoint } from './accept/stream-endpoints.ts';
import { streamRoutes } from './accept/stream-route.ts';
import { uniWebSocketRoute } from './accept/uni-websocket-route.ts';
import type { Emulation } from './emulation/emulation.ts';
import type { EdgeMetrics, Transport } from './metrics.ts';
import type { Relay } from './outbound/relay.ts';
import { type Carrier, webSocketCarrier } from './session/carrier.ts';
import type { SessionContext } from './session/context.ts';

interface StreamConfig {
  readonly enabled: boolean;
  readonly max_request_body_size: number;
}

/** The sections of the endpoints besides WebSocket. */
export interface TransportsConfig {
  readonly http_stream: StreamConfig;
  readonly sse: StreamConfig;
  readonly emulation: { readonly max_request_body_size: number };
  readonly uni_websocket: { readonly enabled: boolean; readonly message_size_limit: number };
  readonly uni_http_stream: StreamConfig;
  readonly uni_sse: StreamConfig;
}

/** In base64 it must be a message of the topic that it is handed on by, where the session is on another edge. */
const maxEmulationBytes = 2 * 1024 * 1024;

function maxBody(what: string, maxBytes = 16 * 1024 * 1024): z.ZodType {
  return bytes({ minBytes: 1_024, maxBytes }).default(65_536).describe(what);
}

function streamSection(path: string, enabled: boolean, what: string): z.ZodType {
  return z.strictObject({
    enabled: z.boolean().default(enabled).describe(`${what} at ${path}.`),
    max_request_body_size: maxBody('The largest body of a request that connects.'),
  });
}

export function transportSections(): Readonly<Record<keyof TransportsConfig, z.ZodType>> {
  return {
    http_stream: streamSection('/connection/http_stream', true, 'Clients that connect by HTTP streaming,'),
    sse: streamSection('/connection/sse', true, 'Clients that connect by server-sent events,'),
    emulation: z.strictObject({
      max_request_body_size: maxBody(
        'The largest body of a request with commands of a client on HTTP streaming or server-sent events, at /emulation; 2 MiB at most.',
        maxEmulationBytes,
      ),
    }),
    uni_websocket: z.strictObject({
      enabled: z.boolean().default(false).describe('Unidirectional WebSocket at /connection/uni_websocket.'),
      message_size_limit: maxBody('The largest message from a client: its connect request.'),
    }),
    uni_http_stream: streamSection('/connection/uni_http_stream', false, 'Unidirectional HTTP streaming'),
    uni_sse: streamSection('/connection/uni_sse', false, 'Unidirectional server-sent events'),
  };
}

/** Whether there can be sessions whose commands come by requests. */
export function usesEmulation({ http_stream, sse }: TransportsConfig): boolean {
  return http_stream.enabled || sse.enabled;
}

export interface TransportParts {
  readonly config: TransportsConfig & { readonly websocket: { readonly message_size_limit: number } };
  readonly server: SocketServer;
  readonly admission: Admission;
  readonly relay: Relay;
  readonly emulation: Emulation;
  readonly metrics: EdgeMetrics;
  /** The sessions' of endpoints with that carrier. */
  readonly contextOf: (carrier: Carrier) => SessionContext;
}

/** Declares the endpoints that clients of the protocol connect to. */
export function declareTransports(parts: TransportParts): void {
  const { config, server, admission, relay, emulation, metrics, contextOf } = parts;
  const oneWay = (transport: Transport): SessionContext => contextOf({ transport, oneWay: true });
  const emulated = (transport: Transport): SessionContext =>
    contextOf({ transport, oneWay: false, emulated: emulation.sessions });
  const { http_stream, sse, uni_websocket, uni_http_stream, uni_sse } = config;
  const door = new HttpDoor(admission);
  server.webSocket(clientRoute(admission, contextOf(webSocketCarrier), config.websocket.message_size_limit));
  if (uni_websocket.enabled) {
    server.webSocket(uniWebSocketRoute(admission, oneWay('uni_websocket'), relay, uni_websocket.message_size_limit));
  }
  const streams = [
    [http_stream, httpStreamEndpoint, emulated('http_stream')],
    [sse, sseEndpoint, emulated('sse')],
    [uni_http_stream, uniHttpStreamEndpoint, oneWay('uni_http_stream')],
    [uni_sse, uniSseEndpoint, oneWay('uni_sse')],
  ] as const;
  const routes = streams
    .filter(([{ enabled }]) => enabled)
    .flatMap(([section, endpoint, ofSession]) =>
      streamRoutes(endpoint(section.max_request_body_size), { door, admission, relay, context: ofSession }),
    );
  if (usesEmulation(config)) {
    routes.push(...emulationRoutes(door, emulation, metrics, config.emulation.max_request_body_size));
  }
  for (const route of routes) server.http(route);
}
