import type { ConnectionOptions } from 'node:tls';
import { RedisError } from './errors.ts';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

interface CommonOptions {
  readonly username?: string;
  readonly password?: string;
  /** TLS to the servers; an object gives certificates. @default false */
  readonly tls?: boolean | ConnectionOptions;
  /** How long `open` and each later attempt to connect may take, in milliseconds. @default 10000 */
  readonly connectTimeoutMs?: number;
  /** A connection on which an answer is due and nothing comes for so many milliseconds counts as lost. @default 10000 */
  readonly silenceTimeoutMs?: number;
}

export interface StandaloneOptions extends CommonOptions {
  readonly mode: 'standalone';
  readonly address: RedisAddress;
  /** @default 0 */
  readonly database?: number;
}

export interface SentinelOptions extends CommonOptions {
  readonly mode: 'sentinel';
  readonly sentinels: readonly RedisAddress[];
  /** The name under which the sentinels watch the primary. */
  readonly primaryName: string;
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  /** @default 0 */
  readonly database?: number;
}

export interface ClusterOptions extends CommonOptions {
  readonly mode: 'cluster';
  /** Some of the cluster's nodes; the others are found through them. */
  readonly nodes: readonly RedisAddress[];
}

/** Where Redis is, in one of its three modes. */
export type RedisOptions = StandaloneOptions | SentinelOptions | ClusterOptions;

/** @throws RedisError `invalid-options` */
export function checkOptions(options: RedisOptions): void {
  const addresses = addressesOf(options);
  if (addresses.length === 0) throw invalid(`${options.mode}: no address is given`);
  for (const { host, port } of addresses) {
    if (host === '') throw invalid(`${options.mode}: an address has no host`);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw invalid(`the port of ${host} is ${port}, expected 1 to 65535`);
  }
  if (options.mode === 'sentinel' && options.primaryName === '') throw invalid('sentinel: primaryName is empty');
  const database = options.mode === 'cluster' ? 0 : (options.database ?? 0);
  if (!Number.isInteger(database) || database < 0)
    throw invalid(`database is ${database}, expected a whole number from 0 on`);
  positive('connectTimeoutMs', options.connectTimeoutMs);
  positive('silenceTimeoutMs', options.silenceTimeoutMs);
}

/** The addresses that the options give, in words. */
export function describeTarget(options: RedisOptions): string {
  const list = addressesOf(options)
    .map(({ host, port }) => `${host}:${port}`)
    .join(', ');
  if (options.mode === 'standalone') return `Redis at ${list}`;
  if (options.mode === 'cluster') return `the Redis Cluster at ${list}`;
  return `the Redis primary '${options.primaryName}' of the sentinels at ${list}`;
}

function addressesOf(options: RedisOptions): readonly RedisAddress[] {
  if (options.mode === 'standalone') return [options.address];
  return options.mode === 'sentinel' ? options.sentinels : options.nodes;
}

function positive(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return;
  throw invalid(`${name} is ${value}, expected a whole number above 0`);
}

function invalid(reason: string): RedisError {
  return new RedisError('invalid-options', reason);
}
