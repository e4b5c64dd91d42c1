import type { WebSocket, WebSocketBehavior } from 'uWebSockets.js';
import { HANDLER_FAILED, INVALID_UTF8, MESSAGE_TOO_LARGE, type Violation } from '../common/closing.ts';
import type { Report } from '../common/report.ts';
import type { AnyWebSocketRoute } from '../common/routes.ts';
import type { Attachment } from './lingering.ts';
import type { UwsModule } from './load.ts';
import type { UwsRouteContext, UwsSocket } from './socket.ts';

type Native = WebSocket<Attachment<UwsSocket<unknown>>>;

/**
 * The library drops a connection without a close frame when a message is over its limit. Given twice the route's limit,
 * it hands over the moderately oversized, which are then closed with 1009 as the standard says.
 */
const OVERSIZE_FACTOR = 2;

/**
 * The longest that the library can watch. It stands behind routes that watch liveness themselves: a peer that is gone
 * for good doesn't stay in memory for ever, and a living one answers a ping every quarter of an hour.
 */
const BACKSTOP_IDLE_SECONDS = 960;

/** What the library says as it drops a connection for the peer's mistake; of malformed frames it says nothing. */
const VIOLATIONS: Readonly<Record<string, Violation>> = {
  'Received too big message': MESSAGE_TOO_LARGE,
  // It stops inflating at the limit.
  'Received too big message, or other inflation error': MESSAGE_TOO_LARGE,
  'Received invalid UTF-8': INVALID_UTF8,
};

/** The callbacks of one route: one set for all of its sockets. */
export function behaviorOf(
  uws: UwsModule,
  route: AnyWebSocketRoute,
  context: UwsRouteContext,
  report: Report,
): WebSocketBehavior<Attachment<UwsSocket<unknown>>> {
  const { handler, maxPayloadBytes } = route;
  const failed = (socket: UwsSocket<unknown>, error: unknown, what: string): void => {
    report(error, `${what} of ${route.path}`);
    socket.end(HANDLER_FAILED.code, HANDLER_FAILED.reason);
  };
  const onDrain = handler.drain?.bind(handler);
  return {
    compression: context.compressFrom === Infinity ? uws.DISABLED : uws.SHARED_COMPRESSOR | uws.SHARED_DECOMPRESSOR,
    // 0 is no limit: the library would drop messages at one, silently and out of the middle.
    maxBackpressure: 0,
    maxPayloadLength: Math.min(maxPayloadBytes * OVERSIZE_FACTOR, 2 ** 31 - 1),
    idleTimeout: route.idleTimeoutSeconds || BACKSTOP_IDLE_SECONDS,
    sendPingsAutomatically: true,
    open: (ws: Native) => {
      const { socket } = ws.getUserData();
      socket.opened(ws);
      try {
        handler.open(socket);
      } catch (error) {
        failed(socket, error, 'open');
      }
    },
    message: (ws: Native, message, isBinary) => {
      const { socket } = ws.getUserData();
      if (socket.closed) return;
      if (message.byteLength > maxPayloadBytes) {
        socket.end(MESSAGE_TOO_LARGE.code, MESSAGE_TOO_LARGE.reason);
        return;
      }
      try {
        handler.message(socket, Buffer.from(message), isBinary);
      } catch (error) {
        failed(socket, error, 'message');
      }
    },
    drain: (ws: Native) => {
      if (context.lingering.drained(ws) || onDrain === undefined) return;
      const { socket } = ws.getUserData();
      try {
        onDrain(socket);
      } catch (error) {
        failed(socket, error, 'drain');
      }
    },
    close: (ws: Native, code, message) => {
      // The native object is already void here, but what was attached to it can still be read.
      const attachment = ws.getUserData();
      if (context.lingering.closed(ws, attachment)) return;
      const { socket } = attachment;
      if (!socket.release()) return;
      const reason = Buffer.from(message).toString();
      if (code !== 1006) {
        context.closed(socket, code, reason);
        return;
      }
      const violation = VIOLATIONS[reason];
      context.closed(socket, violation?.code ?? 1006, violation?.reason ?? '');
    },
  };
}
