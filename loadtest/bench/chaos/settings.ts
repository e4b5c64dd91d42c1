import type { Role } from './service-node.ts';

/** Of server APIs of rigs. */
export const rigApiKey = 'key-of-a-rig';

/** Where the outside world of a rig is, and what its channels are like. */
export interface RigSettings {
  readonly serviceUrl: string;
  readonly adminUrl: string;
  readonly redisUrl: string | undefined;
  readonly topic: string;
  readonly lanes: number;
  /** How long a silent edge counts as alive. */
  readonly leaseMs: number;
  /** What an edge may take to close all its clients at SIGTERM. */
  readonly drainMs: number;
  /** Over the options of every channel. */
  readonly channel?: Readonly<Record<string, unknown>>;
  /** Over the configuration of edges, section by section. */
  readonly edge?: Sections;
  /** The same of server APIs. */
  readonly apiSections?: Sections;
}

type Sections = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What a service of a rig is configured with, its addresses apart. */
export function settingsOf(role: Role, rig: RigSettings): object {
  const pulsar = { url: rig.serviceUrl, admin_url: rig.adminUrl };
  const redis = rig.redisUrl === undefined ? {} : { redis: { url: rig.redisUrl } };
  const channel = { without_namespace: channelOptions(rig) };
  const lease = { lease: `${rig.leaseMs}ms` };
  if (role === 'history') return { pulsar, ...redis, channel };
  if (role === 'presence') return { pulsar, ...redis, presence: lease, channel };
  if (role === 'api') return over({ pulsar, ...redis, channel, http_api: { key: rigApiKey } }, rig.apiSections);
  const sections = {
    pulsar,
    ...redis,
    client: {
      allow_anonymous_connect_without_token: true,
      // Who is away for ten seconds misses thousands.
      recovery_max_publication_limit: 100_000,
      queue_max_size: '8MiB',
    },
    presence: { ...lease, renew_interval: `${Math.floor(rig.leaseMs / 3.3)}ms` },
    chat: { enabled: false, page: false },
    channel,
  };
  return { ...over(sections, rig.edge), drain_timeout: `${rig.drainMs}ms` };
}

function over(sections: Sections, more: Sections = {}): Sections {
  const merged = Object.entries(more).map(([name, section]) => [name, { ...sections[name], ...section }] as const);
  return { ...sections, ...Object.fromEntries(merged) };
}

function channelOptions({ topic, lanes, channel, redisUrl }: RigSettings): object {
  return {
    log: topic,
    lanes,
    history_size: 100_000,
    // Longer than any run: what the log has, history has.
    history_ttl: '1h',
    allow_positioning: true,
    allow_recovery: true,
    allow_subscribe_for_client: true,
    allow_subscribe_for_anonymous: true,
    allow_publish_for_client: true,
    allow_publish_for_anonymous: true,
    allow_history_for_client: true,
    allow_history_for_anonymous: true,
    // Without a store there is nobody to ask.
    presence: redisUrl !== undefined,
    join_leave: redisUrl !== undefined,
    allow_presence_for_client: true,
    allow_presence_for_anonymous: true,
    ...channel,
  };
}
