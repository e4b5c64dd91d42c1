import type { Namespace, NamespaceConfig } from '@pharos/channels';
import type { ClientInfo } from '@pharos/client-protocol';

import type { LifecycleFeed } from '../outbound/lifecycle-feed.ts';
import type { Subscription } from '../outbound/live-channel.ts';
import type { SessionContext } from './context.ts';

/** Joins and leaves of a channel, where the namespace has them and the subscriber wants them. */
export function lifecycleFeed(
  context: SessionContext,
  { options, lifecycle }: Namespace,
  channel: string,
  asked: boolean,
): LifecycleFeed | undefined {
  if (lifecycle === undefined || !(asked || options.force_push_join_leave)) return undefined;
  return context.hub.lifecycleFeedOf(lifecycle, channel);
}

/**
 * What a subscription brings besides publications: the client is among the channel's members, where the namespace keeps them, and is sent
 * joins and leaves, its own join among them. Both end with the subscription.
 */
export function takePart(
  context: SessionContext,
  options: NamespaceConfig,
  subscription: Subscription,
  info: ClientInfo,
  feed: LifecycleFeed | undefined,
): void {
  const { channel } = subscription;
  const keepsMembers = options.presence || options.join_leave;
  const events = feed?.join(subscription);
  const membership = keepsMembers ? context.presence?.enter(channel.name, info) : undefined;
  if (events === undefined && membership === undefined) return;
  subscription.companion = {
    leave: () => {
      if (events !== undefined) feed?.leave(events);
      membership?.leave();
    },
  };
}
