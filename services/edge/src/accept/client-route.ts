import type { RequestHead, Socket, UpgradeDecision, WebSocketHandler, WebSocketRoute } from '@pharos/socket-server';

import { ClientSession } from '../session/client-session.ts';
import type { SessionContext } from '../session/context.ts';
import type { Admission } from './admission.ts';

/**
 * Longer than a ping and its answer take, so it never ends a connection that the protocol's pings keep alive; it frees one
 * whose close frame the peer never takes.
 */
const idleTimeoutSeconds = 120;

/** Endpoint of the Centrifuge protocol over WebSocket. */
export function clientRoute(
  admission: Admission,
  context: SessionContext,
  maxPayloadBytes: number,
): WebSocketRoute<ClientSession> {
  const handler: WebSocketHandler<ClientSession> = {
    upgrade(head: RequestHead, offeredProtocols: readonly string[]): UpgradeDecision<ClientSession> {
      const refusal = admission.refusal(head) ?? refuseProtobuf(head, offeredProtocols);
      return refusal === undefined ? { accept: new ClientSession(context) } : { refuse: refusal };
    },
    open(socket: Socket<ClientSession>): void {
      admission.entered();
      context.metrics.opened('websocket');
      socket.data.opened(socket);
    },
    message(socket: Socket<ClientSession>, message: Buffer, isBinary: boolean): void {
      socket.data.message(message, isBinary);
    },
    close(socket: Socket<ClientSession>, code: number): void {
      admission.left();
      context.metrics.closed('websocket', code);
      socket.data.onClosed();
    },
  };
  return { path: '/connection/websocket', handler, maxPayloadBytes, idleTimeoutSeconds };
}

/** A client that speaks Protobuf must hear that it isn't understood, and not get JSON. */
function refuseProtobuf(
  head: RequestHead,
  offeredProtocols: readonly string[],
): { status: number; body: string } | undefined {
  const query = new URLSearchParams(head.query);
  const asked =
    offeredProtocols.includes('centrifuge-protobuf') ||
    query.get('format') === 'protobuf' ||
    query.get('cf_protocol') === 'protobuf';
  if (!asked) return undefined;
  return { status: 501, body: 'This server speaks the Centrifuge protocol over JSON, not over Protobuf.\n' };
}
