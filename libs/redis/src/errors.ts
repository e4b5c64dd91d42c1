import { PharosError, type PharosErrorOptions } from '@pharos/errors';
import { DeadlineExceeded } from '@pharos/lifecycle';

/** Every way in which a connection to Redis fails. */
export const redisErrors = {
  'invalid-options': { retryable: false, description: 'The options of the connection make no sense together.' },
  unavailable: {
    retryable: true,
    description:
      'Redis could not be reached, or the connection was lost before it answered: what was sent may have run.',
  },
  refused: { retryable: false, description: 'Redis refused: wrong credentials, or a command that they do not allow.' },
  misconfigured: {
    retryable: false,
    description: 'The server can not be used as it is: eviction policy, version, or another mode than was said.',
  },
  'out-of-memory': { retryable: true, description: 'Redis has reached its maxmemory and takes no more writes.' },
  failed: { retryable: false, description: 'Redis answered with an error that says a mistake, ours or of the data.' },
  closed: { retryable: false, description: 'The connection was closed by its owner.' },
} as const;

export type RedisErrorCode = keyof typeof redisErrors;

/** What the connection throws; `code` is one of {@link redisErrors}. */
export class RedisError extends PharosError<RedisErrorCode> {
  constructor(code: RedisErrorCode, message: string, options?: PharosErrorOptions) {
    super(redisErrors, code, message, options);
  }
}

const byPrefix: readonly (readonly [RegExp, RedisErrorCode])[] = [
  [/^(?:NOAUTH|WRONGPASS|NOPERM|DENIED)\b/, 'refused'],
  [/invalid password|without any password configured|no password is set/i, 'refused'],
  [/^OOM\b/, 'out-of-memory'],
  [/cluster support disabled/i, 'misconfigured'],
  // A server that is becoming something else: another one will answer, or the same a little later.
  [
    /^(?:READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|NOREPLICAS|MISCONF|UNBLOCKED)\b/,
    'unavailable',
  ],
];

/** Turns what the driver throws into a {@link RedisError}; `what` says what was being done. */
export function toRedisError(error: unknown, what: string): RedisError {
  if (error instanceof RedisError) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  // An error that a script raised carries the server's own prefix somewhere behind its own.
  const message = cause.message.replace(/^ERR (?:Error running script[^:]*: )?/, '');
  for (const [pattern, code] of byPrefix) {
    if (pattern.test(message)) return new RedisError(code, `${what} failed`, { cause });
  }
  // Only what the server itself answered is final; everything else happened on the way.
  const code = cause.name === 'ReplyError' ? 'failed' : 'unavailable';
  return new RedisError(code, `${what} failed`, { cause });
}

/** What a store over Redis says of a call that failed: its error table has each of these. */
export type StoreFailure = 'refused' | 'unavailable' | 'deadline' | 'full' | 'failed' | 'closed';

const storeFailures: Readonly<Record<RedisErrorCode, StoreFailure>> = {
  'invalid-options': 'refused',
  unavailable: 'unavailable',
  refused: 'refused',
  misconfigured: 'refused',
  'out-of-memory': 'full',
  failed: 'failed',
  closed: 'closed',
};

/** The code of a store for what its call of Redis, under a deadline, threw. */
export function storeFailure(error: unknown): StoreFailure {
  if (error instanceof DeadlineExceeded) return 'deadline';
  return error instanceof RedisError ? storeFailures[error.code] : 'failed';
}
