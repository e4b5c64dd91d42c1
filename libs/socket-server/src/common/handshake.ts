import { SocketServerError } from '../errors.ts';
import type { HttpStatusAndBody, RequestHead, UpgradeDecision, WebSocketHandler } from '../port.ts';
import { checkResponseHead } from './response-head.ts';
import type { Report } from './report.ts';

const KEY = /^[+/0-9A-Za-z]{22}==$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Whether a request asks to become a WebSocket connection, well-formed or not; no client offers it in a list. */
export function wantsWebSocket(head: RequestHead): boolean {
  return head.method === 'GET' && head.header('upgrade').toLowerCase() === 'websocket';
}

/** The subprotocols offered, in the client's order; `undefined` where the header is malformed. */
export function parseProtocols(header: string): string[] | undefined {
  if (header === '') return [];
  const protocols = header.split(',').map((protocol) => protocol.trim());
  const wellFormed = protocols.every((protocol) => TOKEN.test(protocol));
  return wellFormed && new Set(protocols).size === protocols.length ? protocols : undefined;
}

/** What a handshake comes to: a connection, or the response that refuses it. */
export type HandshakeResult<Data> =
  | { readonly accepted: true; readonly data: Data; readonly protocol: string }
  | { readonly accepted: false; readonly response: HttpStatusAndBody };

/** Checks the client's part of the handshake, then asks the route's handler. */
export function decideHandshake<Data>(
  head: RequestHead,
  handler: WebSocketHandler<Data>,
  report: Report,
): HandshakeResult<Data> {
  if (!KEY.test(head.header('sec-websocket-key'))) return refuse(400, 'Sec-WebSocket-Key is missing or malformed');
  if (head.header('sec-websocket-version') !== '13') {
    const headers = { 'sec-websocket-version': '13' };
    return refuse(426, 'this WebSocket version is not supported: expected 13', headers);
  }
  const offered = parseProtocols(head.header('sec-websocket-protocol'));
  if (offered === undefined) return refuse(400, 'Sec-WebSocket-Protocol is malformed');
  try {
    return accept(handler.upgrade(head, offered), offered);
  } catch (error) {
    report(error, `upgrade of ${head.path}`);
    return refuse(500, 'internal error');
  }
}

function accept<Data>(decision: UpgradeDecision<Data>, offered: readonly string[]): HandshakeResult<Data> {
  if ('refuse' in decision) {
    checkResponseHead(decision.refuse.status, decision.refuse.headers ?? {});
    return { accepted: false, response: decision.refuse };
  }
  const protocol = decision.protocol ?? '';
  if (protocol !== '' && !offered.includes(protocol)) {
    throw new SocketServerError('invalid-protocol', `subprotocol "${protocol}" was selected but not offered`);
  }
  return { accepted: true, data: decision.accept, protocol };
}

function refuse(
  status: number,
  body: string,
  headers: Record<string, string> = {},
): { accepted: false; response: HttpStatusAndBody } {
  return { accepted: false, response: { status, headers, body } };
}
