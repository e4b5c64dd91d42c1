import type { Namespace } from '@pharos/channels';

/** Who a session is, as permissions see it. */
export interface Requester {
  /** Empty: anonymous. */
  readonly user: string;
}

export function maySubscribe(namespace: Namespace, requester: Requester): boolean {
  const { options } = namespace;
  return requester.user === '' ? options.allow_subscribe_for_anonymous : options.allow_subscribe_for_client;
}

export function mayPublish(namespace: Namespace, requester: Requester, subscribed: boolean): boolean {
  const { options } = namespace;
  if (subscribed && options.allow_publish_for_subscriber) return true;
  return requester.user === '' ? options.allow_publish_for_anonymous : options.allow_publish_for_client;
}

export function mayAskPresence(namespace: Namespace, requester: Requester, subscribed: boolean): boolean {
  const { options } = namespace;
  if (subscribed && options.allow_presence_for_subscriber) return true;
  return requester.user === '' ? options.allow_presence_for_anonymous : options.allow_presence_for_client;
}

export function mayReadHistory(namespace: Namespace, requester: Requester, subscribed: boolean): boolean {
  const { options } = namespace;
  if (subscribed && options.allow_history_for_subscriber) return true;
  return requester.user === '' ? options.allow_history_for_anonymous : options.allow_history_for_client;
}
