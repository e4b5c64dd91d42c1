import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import type { ClientCertificate } from '../auth/authentication.ts';
import { noCredentials } from '../auth/authentication.ts';
import { PulsarError } from '../errors.ts';

/** How TLS is spoken. Files are PEM, and read again for each new connection, so that they may be replaced while we run. */
export interface TlsSettings {
  /** CAs that may sign a broker's certificate. @default those of Node.js */
  readonly trustCertsFilePath: string | undefined;
  readonly certificate: ClientCertificate | undefined;
  readonly validateHostname: boolean;
  readonly allowInsecureConnection: boolean;
}

/** What `node:tls` and `node:https` are to be told for a connection to `host`. @throws PulsarError `ConnectError`, `AuthenticationError` */
export async function readTlsOptions(
  settings: TlsSettings,
  certificate: ClientCertificate | undefined,
  host: string,
): Promise<ConnectionOptions> {
  const { trustCertsFilePath, validateHostname, allowInsecureConnection } = settings;
  const [ca, pair] = await Promise.all([
    readTrusted(trustCertsFilePath),
    certificate === undefined ? {} : readPair(certificate),
  ]);
  return {
    ca,
    ...pair,
    // Names only: an address is no server name. Either is what the certificate must be made for.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: !allowInsecureConnection,
    ...(validateHostname ? {} : { checkServerIdentity: (): undefined => undefined }),
  };
}

/** `undefined`: what Node.js trusts, with what its operator has added to it. */
async function readTrusted(path: string | undefined): Promise<string[] | undefined> {
  if (path === undefined) return undefined;
  try {
    const ca = await readFile(path, 'utf8');
    // Node takes a file that holds none, or a broken one, for one that trusts nobody; parsing throws.
    const certificates = ca.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
    if (certificates === null) throw new Error('there is no certificate in PEM in it');
    return certificates.map((certificate) => new X509Certificate(certificate).toString());
  } catch (cause) {
    const text = `tlsTrustCertsFilePath: the certificates in '${path}' can't be used`;
    throw new PulsarError('ConnectError', text, { cause, retryable: false });
  }
}

async function readPair(paths: ClientCertificate): Promise<{ readonly cert: string; readonly key: string }> {
  const { certificateFilePath, privateKeyFilePath } = paths;
  try {
    const [cert, key] = await Promise.all([
      readFile(certificateFilePath, 'utf8'),
      readFile(privateKeyFilePath, 'utf8'),
    ]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    const where = `certificate '${certificateFilePath}' and private key '${privateKeyFilePath}'`;
    throw noCredentials(`the client ${where} can't be used`, cause);
  }
}
