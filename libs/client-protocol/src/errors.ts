import { PharosError } from '@pharos/errors';
import { disconnectCodes } from './codes.ts';

/** Why a frame from a client was refused. */
export const protocolErrors = {
  'empty-frame': { retryable: false, description: 'The frame holds no command.' },
  'frame-too-long': { retryable: false, description: 'The frame holds more commands than one frame may.' },
  'invalid-utf8': { retryable: false, description: 'The frame is not valid UTF-8.' },
  'invalid-json': { retryable: false, description: 'A line of the frame is not a JSON object.' },
  'invalid-protobuf': { retryable: false, description: 'The frame is not valid Protobuf, or ends too early.' },
  'too-deep': { retryable: false, description: 'The command is nested deeper than the server accepts.' },
  'too-many-elements': {
    retryable: false,
    description: 'The lists and maps of the command hold more than the server accepts.',
  },
  'missing-id': { retryable: false, description: 'The command has no id, and only send may go without.' },
  'unknown-command': { retryable: false, description: 'The command names no method that the server knows.' },
  'several-commands': { retryable: false, description: 'One command object names several methods.' },
  'invalid-field': {
    retryable: false,
    description: 'A field of the command is not of the type that the protocol says.',
  },
} as const;

export type ProtocolErrorCode = keyof typeof protocolErrors;

/** A frame that doesn't keep to the protocol: the connection can't go on. */
export class ProtocolError extends PharosError<ProtocolErrorCode> {
  /** The code to close the connection with: 3501, after which the client doesn't reconnect. */
  readonly disconnectCode: number = disconnectCodes.badRequest.code;

  constructor(code: ProtocolErrorCode, message: string) {
    super(protocolErrors, code, message);
  }
}
