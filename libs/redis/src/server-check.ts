import { RedisError } from './errors.ts';
import type { RedisOptions } from './options.ts';

/** Scripts trim streams by id and read open ranges, which 6.2 brought. */
const oldestVersion = [6, 2] as const;

/**
 * Says why a server can't be used, from its answer to INFO; undefined where it can.
 *
 * INFO and not CONFIG GET: hosted Redis refuses the latter.
 */
export function checkServer(info: string, address: string, mode: RedisOptions['mode']): RedisError | undefined {
  const fields = parseInfo(info);
  const version = fields.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < oldestVersion[0] || (major === oldestVersion[0] && minor < oldestVersion[1])) {
    return misconfigured(`Redis at ${address} is version ${version || 'unknown'}, expected 6.2 or newer`);
  }
  const clustered = fields.get('cluster_enabled') === '1';
  if (clustered !== (mode === 'cluster')) {
    return misconfigured(
      clustered
        ? `Redis at ${address} is a node of a Redis Cluster, but the mode is '${mode}': set it to 'cluster'`
        : `Redis at ${address} is no node of a Redis Cluster, but the mode is 'cluster'`,
    );
  }
  const policy = fields.get('maxmemory_policy');
  if (policy !== 'noeviction') {
    return misconfigured(
      `Redis at ${address} has maxmemory-policy '${policy ?? 'unknown'}', expected 'noeviction': ` +
        'it would drop parts of a history and call the rest whole',
    );
  }
  if (mode !== 'cluster' && fields.get('role') === 'slave') {
    return new RedisError('unavailable', `Redis at ${address} is a replica, expected the primary`);
  }
  return undefined;
}

function parseInfo(info: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of info.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

function misconfigured(message: string): RedisError {
  return new RedisError('misconfigured', message);
}
