import { lookup } from 'node:dns/promises';
import { createServer, isIP } from 'node:net';
import { SocketServerError } from '../errors.ts';

const MAPPED_PREFIX = '::ffff:';

/** An address as Node gives it; an IPv4 peer of a dual-stack port loses its `::ffff:`. */
export function normalizeAddress(address: string): string {
  if (!address.startsWith(MAPPED_PREFIX)) return address;
  const rest = address.slice(MAPPED_PREFIX.length);
  return isIP(rest) === 4 ? rest : address;
}

/** Text of a binary address: 4 bytes dotted, 16 bytes in the canonical form of RFC 5952, mapped IPv4 dotted. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  if (isMapped(bytes)) return bytes.subarray(12).join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  const zeros = longestZeroRun(groups);
  if (zeros.length < 2) return groups.join(':');
  return `${groups.slice(0, zeros.start).join(':')}::${groups.slice(zeros.start + zeros.length).join(':')}`;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === '0') continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

/** `host:port` as it is written in a URL. */
export function hostAndPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The one address that a host name stands for. The libraries below choose differently (one takes IPv6 first, the other
 * the system's order), so the choice is made here.
 */
export async function resolveHost(host: string, port: number): Promise<string> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new SocketServerError('listen-failed', `cannot listen on port ${port}: expected an integer from 0 to 65535`);
  }
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (cause) {
    throw new SocketServerError('listen-failed', `cannot listen on ${host}:${port}: the host name has no address`, {
      cause,
    });
  }
}

/** What a failed `listen` is told as; `error` is Node's. */
export function listenError(error: unknown, host: string, port: number): SocketServerError {
  const where = hostAndPort(host, port);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return new SocketServerError('address-in-use', `${where} is in use by another process`, { cause: error });
    case 'EACCES':
      return new SocketServerError('listen-failed', `not permitted to listen on ${where}`, { cause: error });
    case 'EADDRNOTAVAIL':
      return new SocketServerError(
        'listen-failed',
        `cannot listen on ${where}: this machine does not have the address`,
        {
          cause: error,
        },
      );
    default:
      return new SocketServerError('listen-failed', `cannot listen on ${where}`, { cause: error });
  }
}

/**
 * Says at once that a port can't be listened on, before what comes ahead of listening has taken its time. Whoever is
 * quicker may still take the port: `listen` is what counts.
 *
 * @throws SocketServerError `address-in-use`, `listen-failed`
 */
export async function checkAddress(host: string, port: number): Promise<void> {
  const error = await tryToListen(await resolveHost(host, port), port);
  if (error !== undefined) throw listenError(error, host, port);
}

/** Why a port could not be listened on, for a library that doesn't say: tries again with Node and reports what it meets. */
export async function diagnoseListenFailure(address: string, host: string, port: number): Promise<SocketServerError> {
  const error = await tryToListen(address, port);
  if (error !== undefined) return listenError(error, host, port);
  // Free by now: whoever held it let go between the two attempts.
  return new SocketServerError('address-in-use', `${hostAndPort(host, port)} was in use a moment ago: try again`);
}

/** Node's error; `undefined` where it can be listened on. */
function tryToListen(address: string, port: number): Promise<unknown> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', resolve);
    probe.listen({ host: address, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}
