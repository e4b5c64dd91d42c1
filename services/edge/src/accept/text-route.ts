import type { RequestHead, Socket, UpgradeDecision, WebSocketHandler, WebSocketRoute } from '@pharos/socket-server';

import type { ChatContext, SessionContext } from '../session/context.ts';
import { TextSession } from '../session/text-session.ts';
import type { Admission } from './admission.ts';

/** A plain-text client sends nothing of its own accord, so WebSocket pings find out whether it is still there. */
const idleTimeoutSeconds = 120;

/** The plain-text chat: every WebSocket path that no other route takes. */
export function textRoute(
  admission: Admission,
  context: SessionContext,
  chat: ChatContext,
  maxPayloadBytes: number,
): WebSocketRoute<TextSession> {
  const handler: WebSocketHandler<TextSession> = {
    upgrade(head: RequestHead): UpgradeDecision<TextSession> {
      // A reload may demand tokens, which these clients have none of; only a restart ends the chat itself.
      if (!context.limits.allowAnonymous) return { refuse: admission.refusalOfAnonymous() };
      const refusal = admission.refusal(head);
      return refusal === undefined ? { accept: new TextSession(context, chat) } : { refuse: refusal };
    },
    open(socket: Socket<TextSession>): void {
      admission.entered(socket.remoteAddress);
      context.metrics.opened('text');
      socket.data.opened(socket);
    },
    message(socket: Socket<TextSession>, message: Buffer, isBinary: boolean): void {
      socket.data.message(message, isBinary);
    },
    close(socket: Socket<TextSession>, code: number): void {
      admission.left(socket.remoteAddress);
      context.metrics.closed('text', code);
      socket.data.onClosed();
    },
  };
  return { path: '*', handler, maxPayloadBytes, idleTimeoutSeconds };
}
