import { readFile } from 'node:fs/promises';
import { duration } from '@pharos/config';
import { readConfig } from '@pharos/service';
import { standaloneConfigSchema } from '@pharos/standalone';
import {
  hmacSigningKey,
  privateSigningKey,
  type SigningKey,
  signToken,
  type TokenConfig,
  TokenVerifier,
} from '@pharos/tokens';
import { CliError } from './errors.ts';
import type { ParsedOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

/** A token, as the options say. @throws CliError `usage`, TokenError, ConfigError */
export async function make(options: ParsedOptions, terminal: Terminal): Promise<string> {
  const channel = options.text('channel');
  const config = tokenConfig(options, terminal, channel !== undefined);
  const ttlMs = ttlOf(options);
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const info = options.text('info');
  const client = options.text('client');
  const subs = options.text('subs');
  if (channel === undefined && client !== undefined) throw new CliError('usage', '--client needs --channel');
  if (channel !== undefined && subs !== undefined)
    throw new CliError('usage', '--subs and --channel are for different tokens');
  const claims = {
    sub: options.text('user') ?? '',
    iat: nowSeconds,
    ...(ttlMs === 0 ? {} : { exp: nowSeconds + Math.ceil(ttlMs / 1_000) }),
    ...(info === undefined ? {} : { info: jsonOf(info) }),
    ...(channel === undefined ? {} : { channel }),
    ...(client === undefined ? {} : { client }),
    ...(subs === undefined ? {} : { channels: subs.split(',') }),
  };
  return signToken(claims, await signingKey(options, config), config);
}

/** What a token says. @throws TokenError, ConfigError */
export async function check(options: ParsedOptions, terminal: Terminal, token: string): Promise<object> {
  const isForChannel = payloadHas(token, 'channel');
  const verifier = new TokenVerifier(tokenConfig(options, terminal, isForChannel));
  const claims = isForChannel ? await verifier.subscription(token) : await verifier.connection(token);
  return Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, printable(value)]));
}

function printable(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return JSON.parse(value.toString('utf8')) as unknown;
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...(value as Map<string, object>)].map(([name, grant]) => [name, plain(grant)]));
}

function plain(grant: object): object {
  return Object.fromEntries(Object.entries(grant).map(([name, value]) => [name, printable(value)]));
}

function tokenConfig(options: ParsedOptions, terminal: Terminal, isForChannel: boolean): TokenConfig {
  const configFile = options.text('config');
  const { env } = terminal;
  // The largest: a file for `npm start` has the server API's section too.
  const { client } = readConfig(standaloneConfigSchema(), configFile === undefined ? { env } : { configFile, env });
  return isForChannel && client.subscription_token.enabled ? client.subscription_token : client.token;
}

async function signingKey(options: ParsedOptions, config: TokenConfig): Promise<SigningKey> {
  const file = options.text('key');
  return file === undefined ? hmacSigningKey(config) : privateSigningKey(await readFile(file, 'utf8'));
}

function ttlOf(options: ParsedOptions): number {
  const text = options.text('ttl') ?? '';
  const parsed = duration().safeParse(text);
  if (!parsed.success)
    throw new CliError('usage', `--ttl is '${text}', expected a duration such as 30m or 1h30m, or 0`);
  return parsed.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CliError('usage', `--info is '${text}', expected JSON`);
  }
}

/** Of a token whose signature nobody has looked at: only to know by which keys to look. */
function payloadHas(token: string, claim: string): boolean {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return typeof payload === 'object' && payload !== null && Object.hasOwn(payload, claim);
  } catch {
    return false;
  }
}
