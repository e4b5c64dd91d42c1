import { storeFailure } from '@pharos/redis';
import { PresenceError } from '../errors.ts';

export function toPresenceError(error: unknown, what: string): PresenceError {
  if (error instanceof PresenceError) return error;
  const code = storeFailure(error);
  return new PresenceError(code, `${what} ${code === 'deadline' ? 'took too long' : 'failed'}`, { cause: error });
}
