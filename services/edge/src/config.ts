import {
  bytes,
  duration,
  hostsUrl,
  type ListenAddress,
  listenAddress,
  type PulsarAccessConfig,
  pulsarAccessFields,
  z,
} from '@pharos/config';

/** Options of a namespace's channels; names as in Centrifugo's configuration where it has the same option. */
export interface NamespaceConfig {
  readonly log: string;
  readonly lanes?: number | undefined;
  readonly history_size: number;
  readonly history_ttl: number;
  readonly allow_positioning: boolean;
  readonly force_positioning: boolean;
  readonly allow_recovery: boolean;
  readonly force_recovery: boolean;
  readonly allow_subscribe_for_client: boolean;
  readonly allow_subscribe_for_anonymous: boolean;
  readonly allow_publish_for_subscriber: boolean;
  readonly allow_publish_for_client: boolean;
  readonly allow_publish_for_anonymous: boolean;
}

export interface EdgeConfig {
  readonly name?: string | undefined;
  readonly listen: ListenAddress;
  readonly internal: { readonly listen?: ListenAddress | undefined };
  readonly socket: 'auto' | 'uws' | 'ws';
  readonly log_level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly drain_timeout: number;
  readonly pulsar: PulsarAccessConfig & {
    readonly url?: string | undefined;
    readonly admin_url?: string | undefined;
    readonly tail_subscription: 'failover' | 'exclusive';
    readonly publish_timeout: number;
    readonly attach_timeout: number;
  };
  readonly client: {
    readonly allowed_origins: readonly string[];
    readonly allow_anonymous_connect_without_token: boolean;
    readonly connection_limit?: number | undefined;
    readonly channel_limit: number;
    readonly queue_max_size: number;
    readonly ping_interval: number;
    readonly pong_timeout: number;
    readonly stale_close_delay: number;
    readonly recovery_max_publication_limit: number;
  };
  readonly ring: {
    readonly max_lane_size: number;
    readonly max_size: number;
    readonly max_age: number;
    readonly prefill_timeout: number;
  };
  readonly websocket: { readonly message_size_limit: number };
  readonly chat: { readonly enabled: boolean; readonly channel: string; readonly page: boolean };
  readonly channel: {
    readonly without_namespace: NamespaceConfig;
    readonly namespaces: readonly (NamespaceConfig & { readonly name: string })[];
  };
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
  internalListen: { host: '0.0.0.0', port: 9000 },
  open: false,
  drainTimeoutMs: 25_000,
  pulsarUrlRequired: true,
};

const publicLog = 'persistent://public/default/chat';

/** The edge's whole configuration, each option with its default and what it means. Times are milliseconds once read, sizes bytes. */
export function edgeConfigSchema(preset: EdgePreset): z.ZodType<EdgeConfig> {
  const pulsarUrl = hostsUrl('pulsar', 'pulsar+ssl').describe(
    'The Pulsar service URL: pulsar://broker:6650, with TLS pulsar+ssl://broker:6651.',
  );
  return z.strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/)
      .optional()
      .describe('Stable name of this edge. Default: the host name.'),
    listen: listenAddress().default(preset.listen).describe('Where clients connect.'),
    internal: z.strictObject({
      listen: withDefault(listenAddress(), preset.internalListen).describe(
        'Where /metrics, /health/live and /health/ready are served. Standalone default: the client port plus 100, on loopback.',
      ),
    }),
    socket: z
      .enum(['auto', 'uws', 'ws'])
      .default('auto')
      .describe('Socket server: auto takes uws where its addon loads, else ws.'),
    log_level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('Least level that is logged.'),
    drain_timeout: duration({ maxMs: 3_600_000 })
      .default(preset.drainTimeoutMs)
      .describe('Time for closing all clients in waves at SIGTERM.'),
    pulsar: z.strictObject({
      url: preset.pulsarUrlRequired ? pulsarUrl : pulsarUrl.optional(),
      admin_url: hostsUrl('http', 'https')
        .optional()
        .describe('The admin REST API. Default: the hosts of the service URL, at port 8080, with TLS 8443.'),
      ...pulsarAccessFields(),
      tail_subscription: z
        .enum(['failover', 'exclusive'])
        .default('failover')
        .describe('Subscription type of lane tails; exclusive attaches faster on brokers with a fail-over delay.'),
      publish_timeout: duration({ minMs: 100, maxMs: 600_000 })
        .default(5_000)
        .describe('How long a publish may wait for the log.'),
      attach_timeout: duration({ minMs: 100, maxMs: 600_000 })
        .default(5_000)
        .describe('How long a subscribe may wait for its lane to be attached.'),
    }),
    client: clientSchema(preset),
    ring: ringSchema(),
    websocket: z.strictObject({
      message_size_limit: bytes({ minBytes: 1024, maxBytes: 4 * 1024 * 1024 })
        .default(65_536)
        .describe('The largest message from a client.'),
    }),
    chat: z.strictObject({
      enabled: z
        .boolean()
        .default(preset.open)
        .describe('Plain-text chat on every WebSocket path that no other route takes.'),
      channel: z.string().min(1).max(255).default('chat').describe('The channel of the plain-text chat.'),
      page: z.boolean().default(preset.open).describe('The chat page at /.'),
    }),
    channel: z.strictObject({
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
    }),
  }) as unknown as z.ZodType<EdgeConfig>;
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
    recovery_max_publication_limit: z
      .int()
      .min(1)
      .max(100_000)
      .default(300)
      .describe('Publications that one resume may bring; who missed more is told that it was not recovered.'),
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

function namespaceSchema(preset: EdgePreset): z.ZodObject<Record<string, z.ZodType>> {
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
      .describe('Publications of a channel that a resuming client may have missed; 0: nobody resumes.'),
    history_ttl: duration({ maxMs: 31_536_000_000 })
      .default(preset.open ? 300_000 : 0)
      .describe('How old they may be; 0: nobody resumes.'),
    allow_positioning: allow('Clients may ask to be told where publications were lost.'),
    force_positioning: z.boolean().default(false).describe('All subscriptions are positioned, asked for or not.'),
    allow_recovery: allow('Clients may ask to be sent what they missed; needs history_size and history_ttl.'),
    force_recovery: z
      .boolean()
      .default(false)
      .describe('All subscriptions are recoverable; needs history_size and history_ttl.'),
    allow_subscribe_for_client: allow('Clients with a user may subscribe.'),
    allow_subscribe_for_anonymous: allow('Anonymous clients may subscribe.'),
    allow_publish_for_subscriber: allow('Subscribers of the channel may publish into it.'),
    allow_publish_for_client: allow('Clients with a user may publish.'),
    allow_publish_for_anonymous: allow('Anonymous clients may publish.'),
  });
}

function withDefault<T>(schema: z.ZodType<T>, value: T | undefined): z.ZodType {
  return value === undefined ? schema.optional() : schema.default(value as never);
}
