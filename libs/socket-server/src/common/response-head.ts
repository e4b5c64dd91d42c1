import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import { SocketServerError } from '../errors.ts';

/** Written by the server itself, so that a second one from outside would contradict it. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'connection', 'date']);

/** Of the bodies that the server itself writes. */
export const TEXT_HEADERS: Readonly<Record<string, string>> = { 'content-type': 'text/plain; charset=utf-8' };

/** `200 OK`; a status without a name of its own gets none. */
export function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
}

/** Whether a response of this status has no body and says no length. */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

/**
 * Refuses headers and statuses that would break the response in two or contradict what the server writes itself.
 *
 * @throws SocketServerError `invalid-header`
 */
export function checkResponseHead(status: number, headers: Readonly<Record<string, string>>): void {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new SocketServerError('invalid-header', `response status ${status}: expected an integer from 200 to 599`);
  }
  for (const [name, value] of Object.entries(headers)) {
    if (OWN_HEADERS.has(name.toLowerCase())) {
      throw new SocketServerError('invalid-header', `response header "${name}" is written by the server itself`);
    }
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch (cause) {
      throw new SocketServerError('invalid-header', `response header "${name}" has characters that HTTP forbids`, {
        cause,
      });
    }
  }
}
