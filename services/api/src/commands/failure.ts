import { errorCodes } from '@pharos/client-protocol';

import type { ApiError } from '../api-error.ts';
import type { Reply } from '../api.ts';

/** Why a command is not done. */
export interface Failure {
  /** Whether it may be done when it is tried again. */
  readonly retryable: boolean;
  /** A code of the protocol. */
  readonly code: number;
  readonly reason: string;
}

interface JsonError {
  readonly code: number;
  readonly message: string;
}

/** What is not done of a command that was answered so; of a broadcast or batch, the worst of its parts. Undefined: it is done. */
export function failureOf(method: string, reply: Reply): Failure | undefined {
  if ('error' in reply) return failureFrom(reply.error);
  if (method !== 'broadcast' && method !== 'batch') return undefined;
  const failures = errorsIn(JSON.parse(reply.result)).map(({ code, message }) => failure(code, message));
  // What may still be done is tried again first: what was done is not done twice, and what can't be is found again.
  return failures.find(({ retryable }) => retryable) ?? failures[0];
}

export function failureFrom({ code, message }: ApiError): Failure {
  return failure(code.code, message);
}

function failure(code: number, reason: string): Failure {
  const retryable = code === errorCodes.internal.code || code === errorCodes.tooManyRequests.code;
  return { retryable, code, reason };
}

/** Those of the parts of a broadcast or batch, which may hold broadcasts. */
function errorsIn(result: unknown): JsonError[] {
  if (Array.isArray(result)) return result.flatMap(errorsIn);
  if (typeof result !== 'object' || result === null) return [];
  const { error, responses, replies, broadcast } = result as Readonly<Record<string, unknown>>;
  return [
    ...(error === undefined ? [] : [error as JsonError]),
    ...[responses, replies, broadcast].flatMap((part) => (part === undefined ? [] : errorsIn(part))),
  ];
}
