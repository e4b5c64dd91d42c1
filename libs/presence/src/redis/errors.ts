import { DeadlineExceeded } from '@pharos/lifecycle';
import { RedisError, type RedisErrorCode } from '@pharos/redis';
import { PresenceError, type PresenceErrorCode } from '../errors.ts';

const codes: Readonly<Record<RedisErrorCode, PresenceErrorCode>> = {
  'invalid-options': 'refused',
  unavailable: 'unavailable',
  refused: 'refused',
  misconfigured: 'refused',
  'out-of-memory': 'full',
  failed: 'failed',
  closed: 'closed',
};

export function toPresenceError(error: unknown, what: string): PresenceError {
  if (error instanceof PresenceError) return error;
  if (error instanceof DeadlineExceeded)
    return new PresenceError('deadline', `${what} took too long`, { cause: error });
  const code = error instanceof RedisError ? codes[error.code] : 'failed';
  return new PresenceError(code, `${what} failed`, { cause: error });
}
