import { BusError } from '@pharos/bus';
import { type ErrorCode, errorCodes } from '@pharos/client-protocol';
import { DeadlineExceeded } from '@pharos/lifecycle';

/** How a command is refused or fails: one of the protocol's codes, and what is wrong in words. */
export class ApiError extends Error {
  readonly code: ErrorCode;

  /** @param detail why, where that helps whoever called; the code's own message else */
  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? code.message : `${code.message}: ${detail}`, options);
    this.name = 'ApiError';
    this.code = code;
  }
}

export function badRequest(detail: string): ApiError {
  return new ApiError(errorCodes.badRequest, detail);
}

export function notAvailable(detail: string): ApiError {
  return new ApiError(errorCodes.notAvailable, detail);
}

/** What to answer for what was thrown; undefined for what nobody expected. */
export function toApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (error instanceof BusError) return fromBus(error);
  if (error instanceof DeadlineExceeded) return unavailable(error);
  // Stores say with their errors whether trying again can help.
  return error instanceof Error && 'retryable' in error && 'code' in error ? unavailable(error) : undefined;
}

export function unavailable(cause: Error, detail: string = cause.message): ApiError {
  return new ApiError(errorCodes.internal, detail, { cause });
}

function fromBus(error: BusError): ApiError {
  if (error.code === 'queue-full') return new ApiError(errorCodes.tooManyRequests, error.message, { cause: error });
  if (error.code === 'too-large') return new ApiError(errorCodes.limitExceeded, error.message, { cause: error });
  return unavailable(error);
}
