/** One code of a reply's error. `message` is what is sent; `temporary` says that the same command may succeed later. */
export interface ErrorCode {
  readonly code: number;
  readonly message: string;
  readonly temporary: boolean;
  readonly description: string;
}

/** One code of an unsubscribe push. With `resubscribe` the client subscribes again by itself. */
export interface UnsubscribeCode {
  readonly code: number;
  readonly reason: string;
  readonly resubscribe: boolean;
  readonly description: string;
}

/** One close code of a connection. With `reconnect` the client comes back by itself. `reason` fits a close frame (≤ 123 bytes). */
export interface DisconnectCode {
  readonly code: number;
  readonly reason: string;
  readonly reconnect: boolean;
  readonly description: string;
}

export type ErrorName =
  | 'internal'
  | 'unauthorized'
  | 'unknownChannel'
  | 'permissionDenied'
  | 'methodNotFound'
  | 'alreadySubscribed'
  | 'limitExceeded'
  | 'badRequest'
  | 'notAvailable'
  | 'tokenExpired'
  | 'expired'
  | 'tooManyRequests'
  | 'unrecoverablePosition';

/** Error codes of replies, with the texts of the official server. Applications use 400 to 1999. */
export const errorCodes: Readonly<Record<ErrorName, ErrorCode>> = {
  internal: error(
    100,
    'internal server error',
    'Something failed in the server; also: a publish whose outcome is unknown.',
    true,
  ),
  unauthorized: error(101, 'unauthorized', 'The command needs an authenticated connection.'),
  unknownChannel: error(102, 'unknown channel', 'The channel belongs to a namespace that is not configured.'),
  permissionDenied: error(103, 'permission denied', 'The client may not do this on this channel.'),
  methodNotFound: error(104, 'method not found', 'Nothing handles this method.'),
  alreadySubscribed: error(105, 'already subscribed', 'The connection is subscribed to the channel already.'),
  limitExceeded: error(106, 'limit exceeded', 'A limit on counts or sizes would be exceeded.'),
  badRequest: error(107, 'bad request', 'The command is well-formed, but what it asks for makes no sense.'),
  notAvailable: error(108, 'not available', 'The feature is switched off for this channel.'),
  tokenExpired: error(109, 'token expired', 'The token is past its time: get a new one.'),
  expired: error(110, 'expired', 'The connection or subscription is past its time.'),
  tooManyRequests: error(111, 'too many requests', 'A rate limit was hit: try again later.', true),
  unrecoverablePosition: error(112, 'unrecoverable position', 'What was missed since the position is no longer there.'),
};

export type UnsubscribeName = 'server' | 'insufficientState' | 'expired';

/** Codes of unsubscribe pushes. 2500 and more: the client subscribes again. */
export const unsubscribeCodes: Readonly<Record<UnsubscribeName, UnsubscribeCode>> = {
  server: unsubscribe(2000, 'server unsubscribe', 'The server ended the subscription.'),
  insufficientState: unsubscribe(
    2500,
    'insufficient state',
    'The server can no longer tell that nothing was missed; recover.',
  ),
  expired: unsubscribe(2501, 'subscription expired', 'The subscription is past its time; get a new token.'),
};

export type DisconnectName =
  | 'connectionClosed'
  | 'shutdown'
  | 'serverError'
  | 'connectionExpired'
  | 'subscriptionExpired'
  | 'slow'
  | 'writeError'
  | 'insufficientState'
  | 'forceReconnect'
  | 'noPong'
  | 'tooManyRequests'
  | 'stateInvalidated'
  | 'invalidToken'
  | 'badRequest'
  | 'stale'
  | 'forceDisconnect'
  | 'connectionLimit'
  | 'channelLimit'
  | 'inappropriateProtocol'
  | 'permissionDenied'
  | 'notAvailable'
  | 'tooManyErrors';

/** Close codes of connections, with the texts of the official server. Applications use 4000 to 4999. */
export const disconnectCodes: Readonly<Record<DisconnectName, DisconnectCode>> = {
  connectionClosed: disconnect(3000, 'connection closed', 'The connection ended without an advice of the server.'),
  shutdown: disconnect(3001, 'shutdown', 'The server is going down: come back, to another one.'),
  serverError: disconnect(3004, 'internal server error', 'Something failed in the server.'),
  connectionExpired: disconnect(3005, 'connection expired', 'The token was not refreshed in time.'),
  subscriptionExpired: disconnect(
    3006,
    'subscription expired',
    'The token of a subscription was not refreshed in time.',
  ),
  slow: disconnect(3008, 'slow', 'The client reads slower than messages come, past the limit of its queue.'),
  writeError: disconnect(3009, 'write error', 'Writing to the connection failed.'),
  insufficientState: disconnect(
    3010,
    'insufficient state',
    'The server can no longer tell that nothing was missed; recover.',
  ),
  forceReconnect: disconnect(3011, 'force reconnect', 'The server asks the client to connect anew.'),
  noPong: disconnect(3012, 'no pong', 'The client did not answer a ping in time.'),
  tooManyRequests: disconnect(3013, 'too many requests', 'A rate limit was hit: come back later.'),
  stateInvalidated: disconnect(
    3014,
    'state invalidated',
    'Token and state of the client no longer hold: come back with new ones.',
  ),
  invalidToken: disconnect(3500, 'invalid token', 'The token does not verify.'),
  badRequest: disconnect(3501, 'bad request', 'The client does not keep to the protocol.'),
  stale: disconnect(3502, 'stale', 'No connect command came in time.'),
  forceDisconnect: disconnect(3503, 'force disconnect', 'The server ended the connection for good.'),
  connectionLimit: disconnect(3504, 'connection limit', 'More connections than are allowed.'),
  channelLimit: disconnect(3505, 'channel limit', 'More channels than one connection may have.'),
  inappropriateProtocol: disconnect(
    3506,
    'inappropriate protocol',
    'The message can not be told in the encoding of this connection.',
  ),
  permissionDenied: disconnect(3507, 'permission denied', 'The client may not connect.'),
  notAvailable: disconnect(
    3508,
    'not available',
    'What the client asked for is switched off, or is more than a connection may be sent at a time.',
  ),
  tooManyErrors: disconnect(3509, 'too many errors', 'The client made more mistakes than are allowed.'),
};

/** Whether a client that is closed with this code comes back by itself. */
export function reconnectsAfter(code: number): boolean {
  return code < 3500 || (code >= 4000 && code < 4500) || code >= 5000;
}

function error(code: number, message: string, description: string, temporary = false): ErrorCode {
  return { code, message, temporary, description };
}

function unsubscribe(code: number, reason: string, description: string): UnsubscribeCode {
  return { code, reason, resubscribe: code >= 2500, description };
}

function disconnect(code: number, reason: string, description: string): DisconnectCode {
  return { code, reason, reconnect: reconnectsAfter(code), description };
}
