import { type DisconnectCode, disconnectCodes, type ErrorCode, errorCodes } from '@pharos/client-protocol';

/** Errors of a connect that mean something else to a client which gets no answers; all others are the server's. */
const byError: ReadonlyMap<number, DisconnectCode> = new Map([
  [errorCodes.expired.code, disconnectCodes.connectionExpired],
  [errorCodes.tokenExpired.code, disconnectCodes.connectionExpired],
  [errorCodes.tooManyRequests.code, disconnectCodes.tooManyRequests],
  [errorCodes.permissionDenied.code, disconnectCodes.permissionDenied],
  // Nothing that it does by itself will change that.
  [errorCodes.unauthorized.code, disconnectCodes.permissionDenied],
  [errorCodes.limitExceeded.code, disconnectCodes.notAvailable],
  [errorCodes.unknownChannel.code, disconnectCodes.badRequest],
  [errorCodes.badRequest.code, disconnectCodes.badRequest],
]);

/** How a client is told by the end of its connection what an error would tell another. */
export function disconnectFor(error: ErrorCode): DisconnectCode {
  return byError.get(error.code) ?? disconnectCodes.serverError;
}
