import { defaultMaxCommands } from '@pharos/client-protocol';
import type { ProxiesConfig } from '@pharos/proxies';

import type { AdmissionLimits } from './accept/admission.ts';
import { isLoopbackName, OriginCheck } from './accept/origin.ts';
import type { EdgeConfig } from './config.ts';
import type { SessionLimits } from './session/context.ts';

/** Commands that an SDK has for its first frame beside its subscriptions: `connect`, and what the application asked for meanwhile. */
const besideSubscribes = 128;

/** What connections may do, as it is configured. */
export function sessionLimits({ client, pulsar }: EdgeConfig): SessionLimits {
  return {
    channelLimit: client.channel_limit,
    queueBytes: client.queue_max_size,
    attachTimeoutMs: pulsar.attach_timeout,
    allowAnonymous: client.allow_anonymous_connect_without_token,
    userConnections: client.user_connection_limit,
    recoveryPublications: client.recovery_max_publication_limit,
    historyPublications: client.history_max_publication_limit,
    frameCommands: Math.max(defaultMaxCommands, client.channel_limit + besideSubscribes),
    backendConcurrency: Math.max(1, client.concurrency),
    commandsPerSecond: client.command_rate_limit,
    commandLimits: client.command_rate_limits,
    channelFilters: client.channel_tags_filter_limit,
  };
}

/** How many may come in. @param descriptors connections that the process can hold, where nothing is configured */
export function admissionLimits({ client }: EdgeConfig, descriptors: number): AdmissionLimits {
  return {
    maxConnections: client.connection_limit ?? descriptors,
    connectionsPerSecond: client.connection_rate_limit,
    maxPerAddress: client.address_connection_limit,
  };
}

/** Whose pages may come in. */
export function originCheck({ client, listen }: EdgeConfig): OriginCheck {
  return new OriginCheck({ allowed: client.allowed_origins, loopbackOnly: isLoopbackName(listen.host) });
}

/** Settings that an edge takes up while it runs. What they allow holds from then on; what was allowed before stays. */
export const edgeReloads: readonly string[] = [
  'channel',
  'client.allowed_origins',
  'client.allow_anonymous_connect_without_token',
  'client.connection_limit',
  'client.connection_rate_limit',
  'client.user_connection_limit',
  'client.address_connection_limit',
  'client.command_rate_limit',
  'client.command_rate_limits',
  'client.concurrency',
  'client.channel_limit',
  'client.queue_max_size',
  'client.token',
  'client.subscription_token',
  'client.proxy',
  'client.recovery_max_publication_limit',
  'client.history_max_publication_limit',
  'client.channel_tags_filter_limit',
  'pulsar.attach_timeout',
  'rpc',
  'proxies',
];

/** Where the application's backend is asked. */
export function proxiesConfig({ client, channel, rpc, proxies }: EdgeConfig): ProxiesConfig {
  return { client: client.proxy, channel: channel.proxy, rpc, named: proxies };
}
