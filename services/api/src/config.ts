import { type ControlConfig, controlSection } from '@pharos/control';
import { type ChannelConfig, channelSection } from '@pharos/channels';
import { bytes, duration, type RedisAccessConfig, redisSection, secret, z } from '@pharos/config';
import {
  type NamedProxyConfig,
  namedProxiesSection,
  refuseMissingRpcProxies,
  type RpcConfig,
  rpcSection,
} from '@pharos/proxies';
import {
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

import type { KeyConfig, Scope } from './keys.ts';

/** The section `http_api`. */
export interface HttpApiConfig {
  /** One key that allows everything. */
  readonly key?: string | undefined;
  readonly keys: readonly KeyConfig[];
  readonly body_limit: number;
  readonly max_requests: number;
  readonly publish_timeout: number;
  readonly read_timeout: number;
  readonly max_members: number;
  readonly survey_timeout: number;
}

/** The section `commands`; without a topic none are taken. */
export interface CommandsConfig {
  readonly topic?: string | undefined;
  readonly subscription: string;
  readonly dead_letter_topic?: string | undefined;
  readonly dead_letter_ttl: number;
  readonly scopes: readonly Scope[];
  readonly max_under_way: number;
  readonly max_attempts: number;
}

export interface ApiConfig extends ServiceConfig, SocketConfig {
  readonly drain_timeout: number;
  readonly pulsar: PulsarConfig & { readonly tail_subscription: TailSubscription };
  readonly redis: RedisAccessConfig;
  readonly channel: ChannelConfig;
  readonly http_api: HttpApiConfig;
  readonly control: ControlConfig;
  readonly rpc: RpcConfig;
  readonly proxies: readonly NamedProxyConfig[];
  readonly commands: CommandsConfig;
}

/** @param keyRequired whether the service is of no use without a key; else it is off until there is one */
export function httpApiSection(keyRequired: boolean): z.ZodType {
  const section = z.strictObject({
    key: secret().optional().describe('A key for the server API that allows everything.'),
    keys: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^[A-Za-z0-9._-]{1,64}$/)
            .describe('What the audit log calls its holder.'),
          key: secret().describe('The key itself.'),
          scopes: z
            .array(z.enum(['publish', 'read', 'admin']))
            .min(1)
            .describe('What it allows: publish; read (presence, history, who is connected); admin (everything).'),
        }),
      )
      .default([])
      .describe('Keys for the server API, each with what it allows.'),
    body_limit: bytes({ minBytes: 1_024, maxBytes: 64 * 1024 * 1024 })
      .default(8 * 1024 * 1024)
      .describe('The largest request.'),
    max_requests: z
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe('Requests that are worked on at the same time; more are answered with error 111.'),
    publish_timeout: publishTimeout(),
    read_timeout: duration({ minMs: 100, maxMs: 600_000 })
      .default(5_000)
      .describe('How long reading history may wait for the store to have what was published.'),
    survey_timeout: duration({ minMs: 100, maxMs: 60_000 })
      .default(1_000)
      .describe('How long info, channels and connections wait for all edges; then the answer is marked partial.'),
    max_members: z.int().min(1).max(100_000).default(100_000).describe('Members that one answer to presence may hold.'),
  });
  return section.superRefine((read, context) => {
    const { key, keys } = read as unknown as HttpApiConfig;
    if (keyRequired && key === undefined && keys.length === 0) {
      context.addIssue({
        code: 'custom',
        path: ['key'],
        message: 'expected a key here or in http_api.keys: there is no default one',
      });
    }
    const all = [...(key === undefined ? [] : [key]), ...keys.map((one) => one.key)];
    if (new Set(all).size < all.length)
      context.addIssue({ code: 'custom', path: ['keys'], message: 'expected each key once' });
  });
}

export function commandsSection(): z.ZodType {
  const topic = (): z.ZodString => z.string().regex(/^[^\s]{1,255}$/);
  return z.strictObject({
    topic: topic()
      .optional()
      .describe(
        'A Pulsar topic whose messages are commands: {"method": "publish", "params": {…}}. Whoever may write to it may do what scopes says. Needs Redis. Default: none.',
      ),
    subscription: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,128}$/)
      .default('pharos-commands')
      .describe('The durable subscription (Shared) that all replicas take commands from.'),
    dead_letter_topic: topic()
      .optional()
      .describe('Where commands go that can not be done, with the reason. Default: the topic, and -dead-letter.'),
    dead_letter_ttl: duration({ minMs: 60_000, maxMs: 8_760 * 3_600_000 })
      .default(168 * 3_600_000)
      .describe('How long they are kept there at least.'),
    scopes: z
      .array(z.enum(['publish', 'read', 'admin']))
      .min(1)
      .default(['admin'])
      .describe('What these commands may do: publish, read, admin (everything).'),
    max_under_way: z
      .int()
      .min(1)
      .max(10_000)
      .default(64)
      .describe(
        'Commands that a replica works on at the same time; those with the same message key one after another.',
      ),
    max_attempts: z
      .int()
      .min(1)
      .max(1_000)
      .default(20)
      .describe(
        'Tries of a command that fails for a while (error 100 or 111), with growing pauses, before it is a dead letter.',
      ),
  });
}

/** Commands are published once by keys that are kept in Redis: no topic without it. */
export function requireKeyStore(
  { commands, redis }: { readonly commands: CommandsConfig; readonly redis: RedisAccessConfig },
  context: z.RefinementCtx,
): void {
  if (commands.topic === undefined || redis.url !== undefined) return;
  context.addIssue({ code: 'custom', path: ['redis', 'url'], message: 'expected a Redis beside commands.topic' });
}

/** All keys of the section, the single one as `default`. */
export function keysOf({ key, keys }: HttpApiConfig): KeyConfig[] {
  return [...(key === undefined ? [] : [{ name: 'default', key, scopes: ['admin' as const] }]), ...keys];
}

/** The service's whole configuration. Times are milliseconds once read, sizes bytes. */
export function apiConfigSchema(): z.ZodType<ApiConfig> {
  const schema = z.strictObject({
    ...serviceFields(defaultInternalListen),
    ...socketFields({ host: '0.0.0.0', port: 8000 }, 'Where the application calls the server API, under /api.'),
    drain_timeout: duration({ maxMs: 3_600_000 }).default(10_000).describe('Time for requests under way at SIGTERM.'),
    pulsar: z.strictObject({
      ...pulsarFields(true),
      tail_subscription: tailSubscription(),
    }),
    redis: redisSection(false),
    channel: channelSection({ open: false }),
    http_api: httpApiSection(true),
    control: controlSection(),
    rpc: rpcSection(),
    proxies: namedProxiesSection(),
    commands: commandsSection(),
  });
  return schema.superRefine((read, context) => {
    const config = read as unknown as ApiConfig;
    requireKeyStore(config, context);
    refuseMissingRpcProxies(config.rpc, config.proxies, context);
  }) as unknown as z.ZodType<ApiConfig>;
}
