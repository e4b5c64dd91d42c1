import type { Codec } from '@pharos/client-protocol';
import type { HttpRequest, HttpResponse, HttpRoute } from '@pharos/socket-server';

import type { Framing, Relay } from '../outbound/relay.ts';
import { ClientSession } from '../session/client-session.ts';
import type { SessionContext } from '../session/context.ts';
import type { Admission } from './admission.ts';
import { disconnectMessage } from './farewell.ts';
import { FramedSocket, type Pipe } from './framed-socket.ts';
import type { HttpDoor } from './http-door.ts';

/** What differs between the endpoints whose connections are responses that don't end. */
export interface StreamEndpoint {
  readonly path: string;
  /** With GET, what comes first is in the query. */
  readonly methods: readonly ('GET' | 'POST')[];
  readonly maxBodyBytes: number;
  readonly contentType: (codec: Codec) => string;
  readonly codecOf: (request: HttpRequest) => Codec;
  readonly framingOf: (codec: Codec) => Framing;
  /** Written at once, so that the client learns that it is connected. */
  readonly opening: string;
  /**
   * Reads what comes first, and says how a session takes it.
   * @throws ProtocolError what can't be answered by a session: status 400
   */
  readonly begin: (first: Buffer, codec: Codec) => Begin;
}

/** Hands a session what came first. */
export type Begin = (session: ClientSession) => void;

export interface StreamRouteParts {
  readonly door: HttpDoor;
  readonly admission: Admission;
  readonly relay: Relay;
  /** With the carrier of the endpoint. */
  readonly context: SessionContext;
}

/** The query parameter that holds what comes first, where the request has no body. */
const connectParameter = 'cf_connect';

/** Nothing between may keep, change or gather what is written. */
const streamHeaders = {
  'Cache-Control': 'private, no-cache, no-store, must-revalidate, max-age=0',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
};

export function streamRoutes(endpoint: StreamEndpoint, parts: StreamRouteParts): HttpRoute[] {
  const { path, methods } = endpoint;
  const { door } = parts;
  const handle = (request: HttpRequest, response: HttpResponse): Promise<void> =>
    open(endpoint, parts, request, response);
  const allowed = [...methods, 'OPTIONS'].join(', ');
  return [door.preflight(path, allowed), ...methods.map((method) => ({ method, path, handle }))];
}

async function open(
  endpoint: StreamEndpoint,
  parts: StreamRouteParts,
  request: HttpRequest,
  response: HttpResponse,
): Promise<void> {
  const { door, admission } = parts;
  // Of a stream there is nothing to be had without its body.
  if (request.method === 'HEAD')
    return door.respond(request, response, 405, '', { Allow: endpoint.methods.join(', ') });
  const refusal = admission.refusal(request, false);
  if (refusal !== undefined) {
    return door.respond(request, response, refusal.status, refusal.body, refusal.headers ?? {});
  }
  // Counted from here: what waits for its body holds memory too.
  admission.entered(request.remoteAddress);
  let begin: Begin | undefined;
  try {
    begin = await prepare(endpoint, parts, request, response);
  } finally {
    if (begin === undefined) admission.left(request.remoteAddress);
  }
  if (begin !== undefined) openSession(endpoint, parts, request, response, begin);
}

/** Undefined, and answered, where nothing is to come of it. */
async function prepare(
  endpoint: StreamEndpoint,
  { door, admission, context }: StreamRouteParts,
  request: HttpRequest,
  response: HttpResponse,
): Promise<Begin | undefined> {
  const refused = (reason: string): undefined => {
    context.metrics.connectionsRefused.inc({ reason });
    return undefined;
  };
  const first = await firstOf(endpoint, door, request, response);
  if (typeof first === 'string') return first === 'gone' ? undefined : refused(first);
  if (response.closed) return undefined;
  const begin = door.read(request, response, () => endpoint.begin(first, endpoint.codecOf(request)));
  if (begin === undefined) return refused('invalid');
  if (!admission.closing) return begin;
  door.respond(request, response, 503, 'The server is shutting down.\n', { 'Retry-After': '1' });
  return refused('draining');
}

function openSession(
  endpoint: StreamEndpoint,
  { door, admission, relay, context }: StreamRouteParts,
  request: HttpRequest,
  response: HttpResponse,
  begin: Begin,
): void {
  const codec = endpoint.codecOf(request);
  const { transport } = context.carrier;
  // Its head is not kept for as long as the stream lasts.
  const { remoteAddress } = request;
  const headers = context.proxies.transportHeaders((name) => request.header(name));
  const session = new ClientSession(context, codec, headers);
  const socket = new FramedSocket<ClientSession>({
    data: session,
    pipe: pipeOf(response, remoteAddress),
    framing: endpoint.framingOf(codec),
    relay,
    farewell: (code, reason) => disconnectMessage(codec, code, reason),
    onClosed: (code) => {
      admission.left(remoteAddress);
      context.metrics.closed(transport, code);
      session.onClosed();
    },
  });
  response.onAborted(() => socket.finish(1006));
  response.begin(200, { ...door.headersFor(request), ...streamHeaders, 'Content-Type': endpoint.contentType(codec) });
  if (endpoint.opening !== '') response.write(endpoint.opening);
  context.metrics.opened(transport);
  session.opened(socket);
  begin(session);
}

/** What comes first; a word where it was answered that it can't be taken. */
async function firstOf(
  { maxBodyBytes }: StreamEndpoint,
  door: HttpDoor,
  request: HttpRequest,
  response: HttpResponse,
): Promise<Buffer | string> {
  if (request.method === 'POST') return door.body(request, response, maxBodyBytes);
  const text = new URLSearchParams(request.query).get(connectParameter) ?? '';
  const first = Buffer.from(text);
  if (first.length <= maxBodyBytes) return first;
  door.respond(request, response, 414, `${connectParameter} is too long: expected at most ${maxBodyBytes} bytes\n`);
  return 'too_large';
}

function pipeOf(response: HttpResponse, remoteAddress: string): Pipe {
  return {
    remoteAddress,
    write: (frame) => void response.write(frame),
    bufferedAmount: () => response.bufferedAmount(),
    end: () => response.end(),
    drop: () => response.abort(),
  };
}
