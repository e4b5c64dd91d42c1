import { duration, z } from '@pharos/config';
import { type ChannelProxies, type ChannelProxyKind, channelProxySection, defaultProxy } from '@pharos/proxies';

/** Options of a namespace's channels; names as in Centrifugo's configuration where it has the same option. */
export interface NamespaceConfig {
  readonly log: string;
  readonly lanes?: number | undefined;
  readonly history_size: number;
  readonly history_ttl: number;
  readonly history_meta_ttl: number;
  readonly allow_positioning: boolean;
  readonly force_positioning: boolean;
  readonly allow_recovery: boolean;
  readonly force_recovery: boolean;
  readonly force_recovery_mode: 'stream' | 'cache';
  readonly allow_user_limited_channels: boolean;
  readonly channel_regex?: string | undefined;
  readonly allow_subscribe_for_client: boolean;
  readonly allow_subscribe_for_anonymous: boolean;
  readonly allow_publish_for_subscriber: boolean;
  readonly allow_publish_for_client: boolean;
  readonly allow_publish_for_anonymous: boolean;
  readonly presence: boolean;
  readonly join_leave: boolean;
  readonly force_push_join_leave: boolean;
  readonly allow_presence_for_subscriber: boolean;
  readonly allow_presence_for_client: boolean;
  readonly allow_presence_for_anonymous: boolean;
  readonly allow_tags_filter: boolean;
  readonly allowed_delta_types: readonly 'fossil'[];
  readonly delta_publish: boolean;
  readonly replay: boolean;
  readonly allow_history_for_subscriber: boolean;
  readonly allow_history_for_client: boolean;
  readonly allow_history_for_anonymous: boolean;
  readonly publish_rate_limit?: number | undefined;
  readonly subscribe_rate_limit?: number | undefined;
  readonly publication_data_format: PublicationDataFormat;
  readonly subscribe_proxy_enabled: boolean;
  readonly subscribe_proxy_name: string;
  readonly publish_proxy_enabled: boolean;
  readonly publish_proxy_name: string;
  readonly sub_refresh_proxy_enabled: boolean;
  readonly sub_refresh_proxy_name: string;
}

export type PublicationDataFormat = '' | 'json' | 'json_object' | 'binary';

/** The section `channel`. */
export interface ChannelConfig {
  /** What namespaces call `default`. */
  readonly proxy: ChannelProxies;
  readonly without_namespace: NamespaceConfig;
  readonly namespaces: readonly (NamespaceConfig & { readonly name: string })[];
}

export interface ChannelPreset {
  /** Anybody may use every channel: for a first look, not for a cluster. */
  readonly open: boolean;
}

const publicLog = 'persistent://public/default/chat';

/** The section `channel` of a service's configuration. All services of a cluster are to be given the same. */
export function channelSection(preset: ChannelPreset): z.ZodType {
  const section = z.strictObject({
    proxy: channelProxySection(),
    without_namespace: namespaceSchema(preset).describe('Options of channels without a namespace.'),
    namespaces: z
      .array(
        namespaceSchema(preset).extend({
          name: z
            .string()
            .regex(/^[A-Za-z0-9_-]{1,64}$/)
            .describe('What stands before the colon.'),
        }),
      )
      .default([])
      .describe('Options of channels that begin with `<name>:`.'),
  });
  return section.superRefine((read, context) => {
    const { without_namespace: first, namespaces } = read as unknown as ChannelConfig;
    const refuse = (path: (string | number)[], options: NamespaceConfig): void => {
      if (options.history_meta_ttl >= options.history_ttl) return;
      const message = `expected at least history_ttl, which is ${options.history_ttl} ms`;
      context.addIssue({ code: 'custom', path: [...path, 'history_meta_ttl'], message });
    };
    refuse(['without_namespace'], first);
    for (const [index, options] of namespaces.entries()) refuse(['namespaces', index], options);
  });
}

function namespaceSchema(preset: ChannelPreset): z.ZodObject<Record<string, z.ZodType>> {
  const allow = (what: string): z.ZodType => z.boolean().default(preset.open).describe(what);
  return z.strictObject({
    log: z
      .string()
      .min(1)
      .default(publicLog)
      .describe('The topic that carries the channels; several namespaces may share one.'),
    lanes: z.int().min(1).max(4096).optional().describe('Lanes to create the log with. Default: what exists, else 1.'),
    history_size: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(preset.open ? 300 : 0)
      .describe('Publications of a channel that are kept for history and for clients that resume; 0: none.'),
    history_ttl: duration({ maxMs: 31_536_000_000 })
      .default(preset.open ? 300_000 : 0)
      .describe('How old they may be; 0: none is kept.'),
    history_meta_ttl: duration({ minMs: 1_000, maxMs: 31_536_000_000 })
      .default(2_592_000_000)
      .describe(
        'How long a channel is remembered after its last publication, at least history_ttl; the shortest of a log bounds how far back any of its channels recovers.',
      ),
    allow_positioning: allow('Clients may ask to be told where publications were lost.'),
    force_positioning: z.boolean().default(false).describe('All subscriptions are positioned, asked for or not.'),
    allow_recovery: allow('Clients may ask to be sent what they missed; needs history_size and history_ttl.'),
    force_recovery: z
      .boolean()
      .default(false)
      .describe('All subscriptions are recoverable; needs history_size and history_ttl.'),
    force_recovery_mode: z
      .enum(['stream', 'cache'])
      .default('stream')
      .describe('What a resuming client is sent: all that it missed, or only the newest publication.'),
    allow_user_limited_channels: z
      .boolean()
      .default(false)
      .describe('Channels that end with `#` and a list of users, as in `dialog#42,43`, are for these users.'),
    channel_regex: z
      .string()
      .refine(isRegExp, 'expected a regular expression')
      .optional()
      .describe('What names must match, without namespace; as JavaScript has regular expressions, with the flag u.'),
    allow_subscribe_for_client: allow('Clients with a user may subscribe.'),
    allow_subscribe_for_anonymous: allow('Anonymous clients may subscribe.'),
    allow_publish_for_subscriber: allow('Subscribers of the channel may publish into it.'),
    allow_publish_for_client: allow('Clients with a user may publish.'),
    allow_publish_for_anonymous: allow('Anonymous clients may publish.'),
    presence: z
      .boolean()
      .default(preset.open)
      .describe('Who is in a channel is kept, for presence and presence_stats; a cluster needs redis.url.'),
    join_leave: z
      .boolean()
      .default(preset.open)
      .describe(
        'Joins and leaves go to the topic `<log>-lifecycle`, and to subscribers that ask; a cluster needs redis.url and the presence service.',
      ),
    force_push_join_leave: z
      .boolean()
      .default(false)
      .describe('All subscribers get joins and leaves, asked for or not; needs join_leave.'),
    allow_presence_for_subscriber: allow('Subscribers of the channel may ask for its presence.'),
    allow_presence_for_client: allow('Clients with a user may ask for presence.'),
    allow_presence_for_anonymous: allow('Anonymous clients may ask for presence.'),
    allow_tags_filter: allow('Subscribers may ask for the publications only whose tags pass a filter of theirs.'),
    allowed_delta_types: z
      .array(z.enum(['fossil']))
      .default(preset.open ? ['fossil'] : [])
      .describe(
        "What subscribers may ask for to be sent publications as the difference to the channel's previous one: fossil.",
      ),
    delta_publish: z
      .boolean()
      .default(false)
      .describe('What clients and the server API publish goes out as deltas to those that asked for them.'),
    replay: z
      .boolean()
      .default(false)
      .describe('History goes back as far as the log does, beyond history_size and history_ttl; needs redis.url.'),
    allow_history_for_subscriber: allow('Subscribers of the channel may ask for its history.'),
    allow_history_for_client: allow('Clients with a user may ask for history.'),
    allow_history_for_anonymous: allow('Anonymous clients may ask for history.'),
    publication_data_format: z
      .enum(['', 'json', 'json_object', 'binary'])
      .default('')
      .describe(
        'What clients and the server API may publish: json, json_object, anything and also nothing at all (binary), anything but nothing (empty).',
      ),
    publish_rate_limit: z
      .int()
      .min(1)
      .optional()
      .describe(
        'Publications of one connection into all channels of the namespace in a second; more: error 111. Default: no limit.',
      ),
    subscribe_rate_limit: z
      .int()
      .min(1)
      .optional()
      .describe('Subscribes of one connection to all of its channels in a second; more: error 111. Default: no limit.'),
    ...proxyOptions('subscribe', 'The backend says who may subscribe without a token, and allow_subscribe_… nothing.'),
    ...proxyOptions('publish', 'The backend says what clients may publish, and allow_publish_… nothing.'),
    ...proxyOptions('sub_refresh', 'The backend is asked when subscriptions expire, in place of their clients.'),
  });
}

function proxyOptions(kind: ChannelProxyKind, enabled: string): Record<string, z.ZodType> {
  return {
    [`${kind}_proxy_enabled`]: z.boolean().default(false).describe(enabled),
    [`${kind}_proxy_name`]: z
      .string()
      .min(1)
      .default(defaultProxy)
      .describe(`The proxy that it is asked by; default is channel.proxy.${kind}.`),
  };
}

/** The option `presence.lease`, of edges and of the presence service. */
export function leaseDuration(): z.ZodType<number> {
  return duration({ minMs: 100, maxMs: 600_000 })
    .default(10_000)
    .describe(
      'How long an edge that is not heard of counts as alive; the same for all edges and the presence service, which takes it for dead a lease later.',
    );
}

function isRegExp(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}
