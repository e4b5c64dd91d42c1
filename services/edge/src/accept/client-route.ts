import { type Codec, jsonCodec, protobufCodec } from '@pharos/client-protocol';
import type { RequestHead, Socket, UpgradeDecision, WebSocketHandler, WebSocketRoute } from '@pharos/socket-server';

import { ClientSession } from '../session/client-session.ts';
import type { SessionContext } from '../session/context.ts';
import type { Admission } from './admission.ts';
import { asksForProtobuf } from './negotiation.ts';

/**
 * Longer than a ping and its answer take, so it never ends a connection that the protocol's pings keep alive; it frees one
 * whose close frame the peer never takes.
 */
const idleTimeoutSeconds = 120;

/** Endpoint of the Centrifuge protocol over WebSocket. @param context its carrier is `webSocketCarrier` */
export function clientRoute(
  admission: Admission,
  context: SessionContext,
  maxPayloadBytes: number,
): WebSocketRoute<ClientSession> {
  const handler: WebSocketHandler<ClientSession> = {
    upgrade(head: RequestHead, offeredProtocols: readonly string[]): UpgradeDecision<ClientSession> {
      const refusal = admission.refusal(head);
      if (refusal !== undefined) return { refuse: refusal };
      const { codec, protocol } = negotiate(head, offeredProtocols);
      const headers = context.proxies.transportHeaders((name) => head.header(name));
      return { accept: new ClientSession(context, codec, headers), ...(protocol === undefined ? {} : { protocol }) };
    },
    open(socket: Socket<ClientSession>): void {
      admission.entered(socket.remoteAddress);
      context.metrics.opened('websocket');
      socket.data.opened(socket);
    },
    message(socket: Socket<ClientSession>, message: Buffer, isBinary: boolean): void {
      socket.data.message(message, isBinary);
    },
    close(socket: Socket<ClientSession>, code: number): void {
      admission.left(socket.remoteAddress);
      context.metrics.closed('websocket', code);
      socket.data.onClosed();
    },
  };
  return { path: '/connection/websocket', handler, maxPayloadBytes, idleTimeoutSeconds };
}

const subprotocols: ReadonlyMap<string, Codec> = new Map([
  ['centrifuge-json', jsonCodec],
  ['centrifuge-protobuf', protobufCodec],
]);

/** The encoding of the first subprotocol offered that there is, else of the query, else JSON. */
function negotiate(
  head: RequestHead,
  offeredProtocols: readonly string[],
): { readonly codec: Codec; readonly protocol?: string } {
  for (const protocol of offeredProtocols) {
    const codec = subprotocols.get(protocol);
    if (codec !== undefined) return { codec, protocol };
  }
  return { codec: asksForProtobuf(head) ? protobufCodec : jsonCodec };
}
