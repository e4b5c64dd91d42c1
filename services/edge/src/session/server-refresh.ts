import { disconnectCodes, unsubscribeCodes } from '@pharos/client-protocol';
import { ProxyError } from '@pharos/proxies';

import { fits, grantFits, sizeOf } from './answer-size.ts';
import type { ClientSession } from './client-session.ts';
import type { Grant } from './grant.ts';

/** How much longer something goes on whose end the backend could not be asked about. */
const graceSeconds = 60;
/** What expired together isn't asked about together again. */
const graceSpreadSeconds = 15;

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);
const afterGrace = (): number => nowSeconds() + graceSeconds + Math.floor(Math.random() * graceSpreadSeconds);

/** The proxy that decides how long subscriptions to the channel go on; undefined where clients refresh them. */
export function refreshProxyOf({ context }: ClientSession, channel: string): string | undefined {
  const options = context.namespaces.find(channel)?.options;
  return options?.sub_refresh_proxy_enabled === true ? options.sub_refresh_proxy_name : undefined;
}

/**
 * Asks the backend whether a connection goes on whose time is over, and ends it where it doesn't. Without an answer it does for a minute. What is
 * shown of it stays as it was where the backend gives more than can be.
 */
export async function refreshByServer(session: ClientSession): Promise<void> {
  try {
    const answer = await session.context.proxies.refresh(session.holder.asking);
    if (session.closed) return;
    if ('disconnect' in answer) return session.disconnect(answer.disconnect);
    const result = 'result' in answer ? answer.result : undefined;
    const expireAt = result?.expireAt ?? 0;
    if (result === undefined || result.expired || expireAt <= nowSeconds())
      return session.disconnect(disconnectCodes.connectionExpired);
    const { info, meta } = result;
    const shown = fits(session, 'info of a connection', sizeOf(info)) ? { info } : {};
    session.holder.change({ expireAt, ...given({ ...shown, meta }) });
  } catch (error) {
    unexpected(session, error);
    session.holder.change({ expireAt: afterGrace() });
  }
}

/** The same of a subscription. @param grant what it was given with when it expired */
export async function refreshSubByServer(
  session: ClientSession,
  channel: string,
  proxy: string,
  grant: Grant,
): Promise<void> {
  // Another subscription to the channel is another matter.
  const isOver = (): boolean => session.closed || session.grantOf(channel) !== grant;
  const end = (): void => session.unsubscribed(channel, unsubscribeCodes.expired);
  try {
    const answer = await session.context.proxies.subRefresh(proxy, session.holder.asking, channel);
    if (isOver()) return;
    if ('disconnect' in answer) return session.disconnect(answer.disconnect);
    const result = 'result' in answer ? answer.result : undefined;
    if (result === undefined || result.expired) return end();
    const { expireAt, info } = result;
    if (expireAt !== undefined && expireAt <= nowSeconds()) return end();
    const shown = grantFits(session, { info }, session.holder.info) ? { info } : {};
    session.hold(channel, { ...grant, expireAt, ...given(shown) });
  } catch (error) {
    unexpected(session, error);
    if (!isOver()) session.hold(channel, { ...grant, expireAt: afterGrace() });
  }
}

/** What there is; what isn't there stays as it was. */
function given<T extends object>(values: T): { [Name in keyof T]?: NonNullable<T[Name]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: NonNullable<T[Name]>;
  };
}

/** What a backend does wrong is logged where it is asked. */
function unexpected({ context, id }: ClientSession, error: unknown): void {
  if (!(error instanceof ProxyError)) context.logger.error({ err: error, client: id }, 'a refresh failed unexpectedly');
}
