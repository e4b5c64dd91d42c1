import { type ChannelConfig, channelSection, defaultNamespace, leaseDuration, namespaceName } from '@pharos/channels';
import { bytes, duration, type ListenAddress, type RedisAccessConfig, redisSection, z } from '@pharos/config';
import { type ControlConfig, controlSection } from '@pharos/control';
import {
  type ClientProxies,
  clientProxySection,
  type NamedProxyConfig,
  namedProxiesSection,
  refuseMissingChannelProxies,
  refuseMissingRpcProxies,
  type RpcConfig,
  rpcSection,
} from '@pharos/proxies';
import { type SubscriptionTokenConfig, subscriptionTokenSection, type TokenConfig, tokenSection } from '@pharos/tokens';
import {
  type CompressionConfig,
  compressionFields,
  defaultInternalListen,
  publishTimeout,
  type PulsarConfig,
  pulsarFields,
  type ServiceConfig,
  serviceFields,
  type SocketConfig,
  socketFields,
  tailSubscription,
  type TailSubscription,
} from '@pharos/service';

import { type CommandLimits, limitedCommands } from './session/command-rates.ts';
import { type TransportsConfig, transportSections } from './transports.ts';

export interface EdgeConfig extends ServiceConfig, SocketConfig, TransportsConfig {
  readonly drain_timeout: number;
  readonly pulsar: PulsarConfig & {
    readonly tail_subscription: TailSubscription;
    readonly publish_timeout: number;
    readonly attach_timeout: number;
  };
  /** Without a URL there is no store: what the ring doesn't hold can't be had. */
  readonly redis: RedisAccessConfig;
  readonly client: {
    readonly allowed_origins: readonly string[];
    readonly allow_anonymous_connect_without_token: boolean;
    readonly connection_limit?: number | undefined;
    readonly connection_rate_limit?: number | undefined;
    readonly user_connection_limit?: number | undefined;
    readonly address_connection_limit?: number | undefined;
    readonly command_rate_limit?: number | undefined;
    readonly command_rate_limits: CommandLimits;
    readonly concurrency: number;
    readonly channel_limit: number;
    readonly queue_max_size: number;
    readonly ping_interval: number;
    readonly pong_timeout: number;
    readonly stale_close_delay: number;
    readonly expired_close_delay: number;
    readonly expired_sub_close_delay: number;
    readonly token: TokenConfig;
    readonly subscription_token: SubscriptionTokenConfig;
    readonly proxy: ClientProxies;
    readonly recovery_max_publication_limit: number;
    readonly history_max_publication_limit: number;
    readonly channel_tags_filter_limit: number;
  };
  readonly ring: {
    readonly max_lane_size: number;
    readonly max_size: number;
    readonly max_age: number;
    readonly prefill_timeout: number;
  };
  readonly control: ControlConfig;
  readonly presence: {
    readonly lease: number;
    readonly renew_interval: number;
    readonly max_members: number;
  };
  readonly replay: { readonly max_readers: number; readonly cache_size: number };
  readonly websocket: CompressionConfig & { readonly message_size_limit: number };
  readonly chat: { readonly enabled: boolean; readonly channel: string; readonly page: boolean };
  readonly channel: ChannelConfig;
  readonly rpc: RpcConfig;
  /** Those that namespaces of channels and methods name. */
  readonly proxies: readonly NamedProxyConfig[];
}

/** What differs between an edge of a cluster, closed until it is configured, and the one-process server for a first look. */
export interface EdgePreset {
  readonly listen: ListenAddress;
  readonly internalListen: ListenAddress | undefined;
  /** The plain-text chat, its page, and channels that anybody may subscribe and publish to. */
  readonly open: boolean;
  readonly drainTimeoutMs: number;
  readonly pulsarUrlRequired: boolean;
}

export const edgePreset: EdgePreset = {
  listen: { host: '0.0.0.0', port: 8000 },
  internalListen: defaultInternalListen,
  open: false,
  drainTimeoutMs: 25_000,
  pulsarUrlRequired: true,
};

/**
 * The edge's whole configuration, each option with its default and what it means. Times are milliseconds once read, sizes bytes.
 *
 * @param others sections of services in the same process
 */
export function edgeConfigSchema<Others = unknown>(
  preset: EdgePreset,
  others: Readonly<Record<string, z.ZodType>> = {},
): z.ZodType<EdgeConfig & Others> {
  const { name, internal, log_level } = serviceFields(preset.internalListen);
  const schema = z.strictObject({
    name,
    ...socketFields(preset.listen, 'Where clients connect.'),
    internal,
    log_level,
    drain_timeout: duration({ maxMs: 3_600_000 })
      .default(preset.drainTimeoutMs)
      .describe('Time for closing all clients in waves at SIGTERM.'),
    pulsar: z.strictObject({
      ...pulsarFields(preset.pulsarUrlRequired),
      tail_subscription: tailSubscription(),
      publish_timeout: publishTimeout(),
      attach_timeout: duration({ minMs: 100, maxMs: 600_000 })
        .default(5_000)
        .describe('How long a subscribe may wait for its lane to be attached.'),
    }),
    redis: redisSection(false),
    client: clientSchema(preset),
    ring: ringSchema(),
    control: controlSection(),
    presence: presenceSchema(),
    replay: z.strictObject({
      max_readers: z
        .int()
        .min(1)
        .max(64)
        .default(4)
        .describe('Parts of logs that are read at the same time for history (namespaces with replay).'),
      cache_size: bytes({ minBytes: 16 * 1024 * 1024 })
        .default(32 * 1024 * 1024)
        .describe('What is kept in memory of what was read so, for others that ask for the same.'),
    }),
    websocket: z.strictObject({
      message_size_limit: bytes({ minBytes: 1024, maxBytes: 4 * 1024 * 1024 })
        .default(65_536)
        .describe('The largest message from a client.'),
      ...compressionFields(),
    }),
    ...transportSections(),
    chat: z.strictObject({
      enabled: z
        .boolean()
        .default(preset.open)
        .describe('Plain-text chat on every WebSocket path that no other route takes.'),
      channel: z.string().min(1).max(255).default('chat').describe('The channel of the plain-text chat.'),
      page: z.boolean().default(preset.open).describe('The chat page at /.'),
    }),
    channel: channelSection(preset),
    rpc: rpcSection(),
    proxies: namedProxiesSection(),
    ...others,
  });
  const checked = schema.superRefine((read, context) => {
    const { channel, client, rpc, proxies, chat } = read as unknown as EdgeConfig;
    refuseMissingChannelProxies(channel, proxies, context);
    refuseMissingRpcProxies(rpc, proxies, context);
    if (!chat.enabled) return;
    refuseForChat(channel, chat.channel, context);
    if (client.allow_anonymous_connect_without_token) return;
    const option = 'client.allow_anonymous_connect_without_token';
    const message = `expected false where ${option} is false: the plain-text chat's clients have no tokens`;
    context.addIssue({ code: 'custom', path: ['chat', 'enabled'], message });
  });
  return checked as unknown as z.ZodType<EdgeConfig & Others>;
}

/** Plain-text clients speak no protocol that the backend could be asked by, and send no JSON. */
function refuseForChat(channel: ChannelConfig, name: string, context: z.RefinementCtx): void {
  const wanted = namespaceName(name);
  const namespace = channel.namespaces.findIndex((one) => one.name === wanted);
  const path = wanted === defaultNamespace ? ['channel', 'without_namespace'] : ['channel', 'namespaces', namespace];
  const options = wanted === defaultNamespace ? channel.without_namespace : channel.namespaces[namespace];
  if (options === undefined) return;
  const {
    publication_data_format: format,
    subscribe_proxy_enabled: subscribe,
    publish_proxy_enabled: publish,
  } = options;
  const refused = {
    subscribe_proxy_enabled: subscribe,
    publish_proxy_enabled: publish,
    publication_data_format: format === 'json' || format === 'json_object',
  };
  for (const [option, isRefused] of Object.entries(refused)) {
    if (!isRefused) continue;
    const message = `expected it not where the plain-text chat is (chat.enabled, chat.channel ${name}): its clients can't keep to it`;
    context.addIssue({ code: 'custom', path: [...path, option], message });
  }
}

function clientSchema(preset: EdgePreset): z.ZodType {
  return z.strictObject({
    allowed_origins: z
      .array(z.string().min(1))
      .default([])
      .describe(
        "Origins of browser pages that may connect besides the edge's own: https://app.example.com, https://*.example.com, *.",
      ),
    allow_anonymous_connect_without_token: z
      .boolean()
      .default(preset.open)
      .describe('Clients without a token may connect.'),
    connection_limit: z
      .int()
      .min(1)
      .optional()
      .describe('Connections of this edge. Default: the descriptor limit of the process less a reserve.'),
    connection_rate_limit: z
      .int()
      .min(1)
      .optional()
      .describe('New connections that this edge takes in a second; others are told to come back. Default: no limit.'),
    user_connection_limit: z
      .int()
      .min(1)
      .optional()
      .describe('Connections of one user to this edge; one more: close code 3504. Default: no limit.'),
    address_connection_limit: z
      .int()
      .min(1)
      .optional()
      .describe(
        'Connections from one address, of IPv6 from one network of 64 bits, to this edge; behind a proxy all have the address of that, unless trusted_proxies names it. Default: no limit.',
      ),
    command_rate_limit: z
      .int()
      .min(1)
      .optional()
      .describe(
        'Commands of one connection in a second; more: error 111, or close code 3013 where a command has no answer. Default: no limit.',
      ),
    command_rate_limits: z
      .strictObject(
        Object.fromEntries(
          limitedCommands.map((kind) => [kind, z.int().min(1).optional().describe(`The same for ${kind} alone.`)]),
        ),
      )
      .describe('The same for each kind.'),
    concurrency: z
      .int()
      .min(0)
      .max(256)
      .default(0)
      .describe(
        'Commands of one connection that a backend is asked about at the same time; 0 and 1: one after the other, which keeps their order.',
      ),
    channel_limit: z
      .int()
      .min(1)
      .max(100_000)
      .default(128)
      .describe('Channels that one connection may be subscribed to.'),
    queue_max_size: bytes({ minBytes: 16_384 })
      .default(1_048_576)
      .describe('What may be buffered for one connection; above it, close code 3008.'),
    ping_interval: duration({ minMs: 1_000, maxMs: 600_000 })
      .default(25_000)
      .describe('Time between pings of the server.'),
    pong_timeout: duration({ minMs: 1_000, maxMs: 600_000 })
      .default(8_000)
      .describe('Time for the answer to a ping; then close code 3012.'),
    stale_close_delay: duration({ minMs: 1_000, maxMs: 600_000 })
      .default(10_000)
      .describe('Time for the first command; then close code 3502.'),
    expired_close_delay: duration({ maxMs: 600_000 })
      .default(25_000)
      .describe('How long beyond its token a connection may go on without a fresh one; then close code 3005.'),
    expired_sub_close_delay: duration({ maxMs: 600_000 })
      .default(25_000)
      .describe('The same of a subscription; then unsubscribe code 2501.'),
    token: tokenSection().describe('Who may connect with a token.'),
    subscription_token: subscriptionTokenSection().describe('Who may subscribe with a token.'),
    proxy: clientProxySection(),
    recovery_max_publication_limit: z
      .int()
      .min(1)
      .max(100_000)
      .default(300)
      .describe('Publications that one resume may bring; who missed more is told that it was not recovered.'),
    history_max_publication_limit: z
      .int()
      .min(1)
      .max(100_000)
      .default(300)
      .describe('Publications that one page of history may bring.'),
    channel_tags_filter_limit: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('Different tag filters that the subscribers of one channel may have on an edge; one more: error 106.'),
  });
}

function ringSchema(): z.ZodType {
  return z.strictObject({
    max_lane_size: bytes({ minBytes: 65_536 })
      .default(16 * 1024 * 1024)
      .describe('The newest entries of a lane that are kept in memory, for clients that resume.'),
    max_size: bytes({ minBytes: 65_536 })
      .default(128 * 1024 * 1024)
      .describe('The same over all lanes of an edge; beyond it the oldest go first.'),
    max_age: duration({ minMs: 1_000, maxMs: 86_400_000 })
      .default(300_000)
      .describe('How long an entry is kept in memory at most.'),
    prefill_timeout: duration({ maxMs: 600_000 })
      .default(10_000)
      .describe('How long a starting edge may read the newest entries of all its lanes before it takes clients.'),
  });
}

function presenceSchema(): z.ZodType {
  return z
    .strictObject({
      lease: leaseDuration(),
      renew_interval: duration({ minMs: 50, maxMs: 300_000 })
        .default(3_000)
        .describe('How often the lease is renewed; at most half of it.'),
      max_members: z
        .int()
        .min(1)
        .max(100_000)
        .default(5_000)
        .describe(
          'Members that one answer to `presence` may hold; of larger channels only presence_stats is answered.',
        ),
    })
    .superRefine(({ lease, renew_interval: renew }, context) => {
      if (renew * 2 <= lease) return;
      context.addIssue({
        code: 'custom',
        path: ['renew_interval'],
        message: 'expected at most half of presence.lease',
      });
    });
}
