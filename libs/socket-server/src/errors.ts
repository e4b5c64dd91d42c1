import { PharosError, type PharosErrorOptions } from '@pharos/errors';

/** Every way in which a socket server fails. */
export const socketServerErrors = {
  'address-in-use': { retryable: true, description: 'Another process listens on the host and port.' },
  'listen-failed': {
    retryable: false,
    description: 'The host and port cannot be listened on: name, permission or range.',
  },
  'uws-unavailable': { retryable: false, description: 'uWebSockets.js was asked for and could not be loaded.' },
  'unsupported-option': {
    retryable: false,
    description: 'The chosen implementation cannot do what an option asks for.',
  },
  'invalid-certificate': {
    retryable: false,
    description: 'The files of certificate and key cannot be read, are not PEM, or do not belong together.',
  },
  'invalid-route': {
    retryable: false,
    description: 'A route was declared twice, too late, or with a path or limit out of range.',
  },
  'invalid-header': {
    retryable: false,
    description: 'A response header has a name or value that HTTP does not allow.',
  },
  'invalid-protocol': { retryable: false, description: 'A subprotocol was selected that the client had not offered.' },
  'invalid-close-code': { retryable: false, description: 'A close code was used that an endpoint may not send.' },
  'response-started': {
    retryable: false,
    description: 'A response was begun twice, or written to before it was begun.',
  },
  'body-too-large': { retryable: false, description: 'The request body is longer than the caller takes.' },
  'body-unavailable': {
    retryable: false,
    description: 'The request body was asked for twice, or after the first turn.',
  },
  'body-timeout': { retryable: true, description: 'The request body was not there in the time that it may take.' },
  aborted: { retryable: true, description: 'The peer went away before the request was complete.' },
} as const;

export type SocketServerErrorCode = keyof typeof socketServerErrors;

/** What a socket server throws; `code` is one of {@link socketServerErrors}. */
export class SocketServerError extends PharosError<SocketServerErrorCode> {
  constructor(code: SocketServerErrorCode, message: string, options?: PharosErrorOptions) {
    super(socketServerErrors, code, message, options);
  }
}
