import { readFile } from 'node:fs/promises';
import type { TlsConfig } from '@pharos/config';
import { buildConnector } from 'undici';
import { ProxyError } from './errors.ts';

type Connector = buildConnector.connector;
type ConnectOptions = buildConnector.BuildOptions;

/**
 * Makes the connections to a backend. What goes wrong here is `unreachable`, so that it can be told from what goes wrong once a request may
 * have been sent. Files of TLS are read for each connection: certificates change while we run.
 */
export function connectorTo(origin: URL, tls: TlsConfig, timeoutMs: number): Connector {
  const plain: ConnectOptions = { timeout: timeoutMs, keepAlive: true };
  const connectPlain = origin.protocol === 'http:' ? buildConnector(plain) : undefined;
  return (options, callback) => {
    const failed = (cause: unknown): void => callback(unreachable(origin, cause), null);
    const connect = (connector: Connector): void =>
      connector(options, (error, socket) => (error === null ? callback(null, socket) : failed(error)));
    if (connectPlain !== undefined) return connect(connectPlain);
    void secured(tls, plain).then((connectOptions) => connect(buildConnector(connectOptions)), failed);
  };
}

async function secured(tls: TlsConfig, base: ConnectOptions): Promise<ConnectOptions> {
  const [ca, cert, key] = await Promise.all([read(tls.ca_file), read(tls.cert_file), read(tls.key_file)]);
  return {
    ...base,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    rejectUnauthorized: !tls.allow_insecure,
    ...(tls.validate_hostname ? {} : { checkServerIdentity: () => undefined }),
  };
}

function read(file: string | undefined): Promise<Buffer | undefined> {
  return file === undefined ? Promise.resolve(undefined) : readFile(file);
}

/** The network's own errors: a moment later it may be otherwise. A certificate that isn't taken stays so. */
const passing = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function unreachable(origin: URL, cause: unknown): ProxyError {
  const code = (cause as { readonly code?: unknown } | undefined)?.code;
  const retryable = typeof code === 'string' && passing.has(code);
  return new ProxyError('unreachable', `${origin.origin} can not be reached`, { cause, retryable });
}
