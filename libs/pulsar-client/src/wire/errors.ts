import { MalformedBytes } from '@pharos/bytes';
import { PharosError } from '@pharos/errors';
import type { ErrorCodeInfo } from '@pharos/errors';

export type WireErrorCode = 'malformed' | 'frame_too_large' | 'missing_field' | 'bad_message_id';

/** What can be wrong with bytes that claim to be Pulsar's protocol. */
export const wireErrors: Readonly<Record<WireErrorCode, ErrorCodeInfo>> = {
  malformed: {
    retryable: false,
    description: "The bytes are not a well-formed frame, command, entry or batch of Pulsar's binary protocol.",
  },
  frame_too_large: {
    retryable: false,
    description:
      'The other side announced a frame above the agreed maximum, or does not speak the Pulsar protocol at all.',
  },
  missing_field: { retryable: false, description: 'A field that the protocol requires is absent.' },
  bad_message_id: { retryable: false, description: 'The bytes are not a serialized Pulsar message id.' },
};

/** Thrown by every decoder of this codec; `code` is one of {@link wireErrors}. */
export class WireError extends PharosError<WireErrorCode> {
  constructor(code: WireErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(wireErrors, code, message, options);
  }
}

/**
 * What an entry point of the codec throws in place of `error`: reads that ran out of their window become a WireError
 * that names `what` was being read; anything else is a defect of ours and goes through as it is.
 */
export function asWireError(error: unknown, what: string): unknown {
  if (error instanceof MalformedBytes) {
    return new WireError('malformed', `malformed ${what}: ${error.message}`, { cause: error });
  }
  return error;
}
