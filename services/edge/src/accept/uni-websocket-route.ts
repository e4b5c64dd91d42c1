import {
  type ConnectRequest,
  decodeConnectRequest,
  disconnectCodes,
  jsonCodec,
  ProtocolError,
} from '@pharos/client-protocol';
import type { RequestHead, Socket, UpgradeDecision, WebSocketHandler, WebSocketRoute } from '@pharos/socket-server';

import type { Relay } from '../outbound/relay.ts';
import { ClientSession } from '../session/client-session.ts';
import type { SessionContext } from '../session/context.ts';
import type { Admission } from './admission.ts';
import { disconnectMessage } from './farewell.ts';
import { FramedSocket, type Pipe } from './framed-socket.ts';
import { pushFrames } from './framing.ts';

/** The protocol's pings aren't answered here, so that WebSocket's find out whether the client is still there. */
const idleTimeoutSeconds = 120;

interface UniConnection {
  readonly session: ClientSession;
  /** Undefined where it comes as the first frame; let go once the session has it. */
  request: ConnectRequest | undefined;
  hasAsked: boolean;
  socket: FramedSocket<ClientSession> | undefined;
}

/** Pushes over WebSocket to clients that say nothing but their connect request: in the query (`cf_connect`), or as the first frame. */
export function uniWebSocketRoute(
  admission: Admission,
  context: SessionContext,
  relay: Relay,
  maxPayloadBytes: number,
): WebSocketRoute<UniConnection> {
  const { carrier, metrics } = context;
  const handler: WebSocketHandler<UniConnection> = {
    upgrade(head: RequestHead): UpgradeDecision<UniConnection> {
      const refusal = admission.refusal(head);
      if (refusal !== undefined) return { refuse: refusal };
      const text = new URLSearchParams(head.query).get('cf_connect');
      const request = text === null ? undefined : tryToDecode(Buffer.from(text));
      if (typeof request === 'string') return { refuse: { status: 400, body: `${request}\n` } };
      const headers = context.proxies.transportHeaders((name) => head.header(name));
      const session = new ClientSession(context, jsonCodec, headers);
      return { accept: { session, request, hasAsked: false, socket: undefined } };
    },
    open(native: Socket<UniConnection>): void {
      const { data: connection, remoteAddress } = native;
      const { session } = connection;
      admission.entered(remoteAddress);
      metrics.opened(carrier.transport);
      const socket = new FramedSocket<ClientSession>({
        data: session,
        pipe: pipeOf(native),
        framing: pushFrames,
        relay,
        farewell: (code, reason) => disconnectMessage(jsonCodec, code, reason),
        onClosed: (code) => {
          admission.left(remoteAddress);
          metrics.closed(carrier.transport, code);
          session.onClosed();
        },
      });
      connection.socket = socket;
      session.opened(socket);
      const { request } = connection;
      if (request !== undefined) ask(connection, request);
    },
    message({ data: connection }: Socket<UniConnection>, message: Buffer): void {
      // What comes after the request is nobody's.
      if (connection.hasAsked) return;
      const request = tryToDecode(message);
      if (typeof request === 'string') return connection.session.disconnect(disconnectCodes.badRequest);
      ask(connection, request);
    },
    close({ data: { socket } }: Socket<UniConnection>, code: number): void {
      socket?.finish(code);
    },
  };
  return { path: '/connection/uni_websocket', handler, maxPayloadBytes, idleTimeoutSeconds };
}

function ask(connection: UniConnection, request: ConnectRequest): void {
  connection.hasAsked = true;
  connection.request = undefined;
  connection.session.connectBy(request);
}

/** Or why it is none. */
function tryToDecode(bytes: Buffer): ConnectRequest | string {
  try {
    return decodeConnectRequest(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  }
}

function pipeOf(native: Socket<unknown>): Pipe {
  return {
    remoteAddress: native.remoteAddress,
    write: (frame) => void native.send(frame, false),
    bufferedAmount: () => native.bufferedAmount(),
    end: (code, reason) => native.end(code, reason),
    drop: () => native.terminate(),
  };
}
