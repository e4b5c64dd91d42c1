import type { Namespace } from '@pharos/channels';

import { nameAllows } from '../../auth/authority.ts';

/** Who a session is, as permissions see it. */
export interface Requester {
  /** Empty: anonymous. */
  readonly user: string;
}

type Whom = 'publish' | 'presence' | 'history';

/** Whether it may subscribe without a token for the channel; undefined where the application's backend is to say so. */
export function maySubscribe(namespace: Namespace, requester: Requester, channel: string): boolean | undefined {
  const { options } = namespace;
  const byName = nameAllows(channel, requester.user, options.allow_user_limited_channels);
  if (byName !== undefined) return byName;
  if (options.subscribe_proxy_enabled) return undefined;
  return requester.user === '' ? options.allow_subscribe_for_anonymous : options.allow_subscribe_for_client;
}

/** Whether it may do this in the channel. Who isn't subscribed to a channel that its name closes may nothing there. */
export function may(
  what: Whom,
  namespace: Namespace,
  requester: Requester,
  channel: string,
  subscribed: boolean,
): boolean {
  const { options } = namespace;
  if (subscribed && options[`allow_${what}_for_subscriber`]) return true;
  const byName = nameAllows(channel, requester.user, options.allow_user_limited_channels);
  if (byName === false && !subscribed) return false;
  return requester.user === '' ? options[`allow_${what}_for_anonymous`] : options[`allow_${what}_for_client`];
}
