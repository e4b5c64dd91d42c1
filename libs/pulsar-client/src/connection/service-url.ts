import { PulsarError } from '../errors.ts';

const plainPort = 6650;
const tlsPort = 6651;

/** Where one broker or proxy listens. */
export interface ServiceAddress {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** Whether TLS is spoken there. */
  readonly secure: boolean;
  /** `pulsar://host:6650`: for messages. */
  readonly url: string;
}

const hostAndPort = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/,@[\]]+))(?::(\d{1,5}))?$/;

/**
 * The addresses of `pulsar://host:6650` or `pulsar+ssl://host:6651`, or of several hosts, `pulsar://h1:6650,h2:6650`.
 *
 * @throws PulsarError `InvalidUrl`
 */
export function parseServiceUrl(url: string): readonly ServiceAddress[] {
  const match = /^pulsar(\+ssl)?:\/\/([^/]+)\/?$/.exec(url);
  if (match === null) throw notServiceUrl(url);
  const secure = match[1] !== undefined;
  return (match[2] ?? '').split(',').map((authority) => parseAuthority(url, authority, secure));
}

/** `host:port`, an IPv6 host in brackets. */
export function authorityOf({ host, port }: Pick<ServiceAddress, 'host' | 'port'>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseAuthority(url: string, authority: string, secure: boolean): ServiceAddress {
  const match = hostAndPort.exec(authority);
  const port = Number(match?.[3] ?? (secure ? tlsPort : plainPort));
  if (match === null || port === 0 || port > 65_535) throw notServiceUrl(url);
  const address = { host: match[1] ?? match[2] ?? '', port, secure };
  return { ...address, url: `pulsar${secure ? '+ssl' : ''}://${authorityOf(address)}` };
}

function notServiceUrl(url: string): PulsarError {
  // Somebody may have put a password where other URLs take one.
  const shown = url.replace(/\/\/[^/]*@/, '//***@');
  const expected = 'expected pulsar://host:port or pulsar+ssl://host:port, several hosts separated by commas';
  return new PulsarError('InvalidUrl', `service URL '${shown}': ${expected}`);
}
