import { type ErrorCode, errorCodes } from '@pharos/client-protocol';
import { type Answer, ProxyError, type SubscriptionResult } from '@pharos/proxies';

import type { ClientSession } from '../client-session.ts';
import type { Grant } from '../grant.ts';

/** What the application's backend decided; where it decided nothing, the client is to try again. */
export async function decision<Result>(asked: Promise<Answer<Result>>): Promise<Answer<Result>> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    return { error: error.code === 'not-json' ? errorCodes.badRequest : errorCodes.internal };
  }
}

/** What the backend gave a subscription with; an error where it is over already. */
export function grantFrom(
  session: ClientSession,
  { info, data, expireAt, override }: SubscriptionResult,
): Grant | ErrorCode {
  if (isOver(expireAt)) return errorCodes.expired;
  return { info, data: session.readable(data), expireAt, override };
}

/** Whether a time has come, in seconds since 1970. */
export function isOver(expireAt: number | undefined): boolean {
  return expireAt !== undefined && expireAt <= Date.now() / 1_000;
}
