import { z } from 'zod';
import { duration, hostsUrl, secret } from './kinds.ts';
import { type TlsConfig, tlsSection } from './tls.ts';

/** The section `redis` of every service that uses one. */
export interface RedisAccessConfig {
  readonly url?: string | undefined;
  readonly mode: 'standalone' | 'sentinel' | 'cluster';
  readonly sentinel_master_name?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly sentinel_username?: string | undefined;
  readonly sentinel_password?: string | undefined;
  readonly database: number;
  readonly prefix: string;
  readonly connect_timeout: number;
  readonly tls: TlsConfig;
}

const defaultPrefix = 'pharos';

/** @param required whether the service can't do without a Redis */
export function redisSection(required: boolean): z.ZodType {
  const url = hostsUrl('redis', 'rediss').describe(
    'Where Redis is: redis://host:6379, with TLS rediss://host:6379. Several hosts, separated by commas: the sentinels, or nodes of the Cluster.',
  );
  return z
    .strictObject({
      url: required ? url : url.optional(),
      mode: z
        .enum(['standalone', 'sentinel', 'cluster'])
        .default('standalone')
        .describe('One server, a primary that sentinels watch, or a Redis Cluster.'),
      sentinel_master_name: z
        .string()
        .min(1)
        .optional()
        .describe('The name under which the sentinels watch the primary.'),
      username: z.string().min(1).optional().describe('A user of Redis. Default: its default user.'),
      password: secret().optional().describe("The user's password."),
      sentinel_username: z.string().min(1).optional().describe('A user of the sentinels.'),
      sentinel_password: secret().optional().describe('Its password.'),
      database: z.int().min(0).max(1_000_000).default(0).describe('The number of the database; a Cluster has only 0.'),
      prefix: z
        .string()
        .regex(/^[A-Za-z0-9_.-]{1,64}$/)
        .default(defaultPrefix)
        .describe('What the names of all keys begin with: another for each Pharos on the same Redis.'),
      connect_timeout: duration({ minMs: 100, maxMs: 600_000 })
        .default(10_000)
        .describe('How long one attempt to connect may take.'),
      tls: tlsSection('Redis'),
    })
    .superRefine(({ url, mode, sentinel_master_name: master, database }, context) => {
      const refuse = (path: string, message: string): void =>
        context.addIssue({ code: 'custom', path: [path], message: `expected ${message}` });
      if ((mode === 'sentinel') !== (master !== undefined)) {
        refuse('sentinel_master_name', 'a name with mode sentinel, and none with any other');
      }
      if (mode === 'cluster' && database !== 0) refuse('database', '0 with mode cluster');
      if (mode === 'standalone' && url?.includes(',') === true) {
        refuse('url', 'one host with mode standalone; several are for sentinel and cluster');
      }
    });
}
