import { SocketServerError } from '../errors.ts';

/** How long a peer may take for what was buffered before `end`, unless the options say otherwise. */
export const DEFAULT_CLOSE_TIMEOUT_MS = 10_000;

/** RFC 6455 allows 125 bytes in a control frame; the code takes two. */
const MAX_REASON_BYTES = 123;

/** Why the server itself ended a connection: what `close` of the handler is told, whether or not the peer could be. */
export interface Violation {
  readonly code: number;
  readonly reason: string;
}

export const MESSAGE_TOO_LARGE: Violation = { code: 1009, reason: 'message too large' };
export const INVALID_UTF8: Violation = { code: 1007, reason: 'invalid UTF-8' };
export const INVALID_COMPRESSION: Violation = { code: 1007, reason: 'invalid compressed data' };
export const PROTOCOL_ERROR: Violation = { code: 1002, reason: 'protocol error' };
export const HANDLER_FAILED: Violation = { code: 1011, reason: 'internal error' };

/**
 * Refuses close codes that an endpoint may not send.
 *
 * @throws SocketServerError `invalid-close-code`
 */
export function checkCloseCode(code: number): void {
  const registered = code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
  if (Number.isInteger(code) && (registered || (code >= 3000 && code <= 4999))) return;
  throw new SocketServerError(
    'invalid-close-code',
    `close code ${code} may not be sent: expected 1000 to 1014 without 1004, 1005 and 1006, or 3000 to 4999`,
  );
}

/** The reason cut to what a close frame holds, never inside a character. */
export function fitReason(reason: string): string {
  if (Buffer.byteLength(reason) <= MAX_REASON_BYTES) return reason;
  const bytes = Buffer.from(reason);
  let end = MAX_REASON_BYTES;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
