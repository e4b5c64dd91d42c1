import { createHmac, randomBytes } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '../certificates.ts';
import { freePort } from '../free-port.ts';
import { type PulsarServer, startPulsar } from './server.ts';

/** Who may do anything on the broker; everybody else must be granted what they do. */
const superUser = 'admin';

/** Files in PEM. */
export interface CertificateFiles {
  readonly certificatePath: string;
  readonly privateKeyPath: string;
}

/**
 * A Pulsar that lets nobody in without credentials: tokens (HS256), client certificates (the common name is the role), and the
 * user `basic-user` with the password `basic-password`. It speaks plain on its usual ports and TLS on ports of its own, where it
 * wants a client certificate of its CA from everybody; its own is for 127.0.0.1 only. It asks for fresh credentials as soon as the old have expired.
 */
export class SecuredPulsar {
  readonly server: PulsarServer;
  /** `pulsar+ssl://127.0.0.1:<port>`. */
  readonly tlsServiceUrl: string;
  readonly tlsAdminUrl: string;
  /** The certificate of the CA that signed the broker's. */
  readonly caPath: string;
  readonly #parts: SecurityParts;

  constructor(server: PulsarServer, parts: SecurityParts) {
    this.server = server;
    this.#parts = parts;
    this.tlsServiceUrl = `pulsar+ssl://127.0.0.1:${parts.tlsPort}`;
    this.tlsAdminUrl = `https://127.0.0.1:${parts.tlsWebPort}`;
    this.caPath = join(parts.dir, 'ca.pem');
  }

  /** A token for a role (`admin` may do everything). @param expiresInSeconds negative: it has expired. @default it never does */
  token(role: string, expiresInSeconds?: number): string {
    return signToken(this.#parts.secret, role, expiresInSeconds);
  }

  /** A client certificate for a role, by the broker's CA. */
  clientCertificate(role: string): Promise<CertificateFiles> {
    const { authority, dir } = this.#parts;
    return writeCertificate(dir, `client-${role}`, authority.issue({ commonName: role }));
  }

  /** Another certificate of the broker, which takes a second or two to notice. */
  async setBrokerCertificate(options: { readonly expired: boolean }): Promise<void> {
    await writeBrokerCertificate(this.#parts, options.expired);
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await rm(this.#parts.dir, { recursive: true, force: true });
  }
}

interface SecurityParts {
  readonly dir: string;
  readonly authority: CertificateAuthority;
  readonly secret: Buffer;
  readonly tlsPort: number;
  readonly tlsWebPort: number;
}

/** Starts a {@link SecuredPulsar}; as quick as `startPulsar`. */
export async function startSecuredPulsar(): Promise<SecuredPulsar> {
  const parts: SecurityParts = {
    dir: await mkdtemp(join(tmpdir(), 'pharos-secured-')),
    authority: new CertificateAuthority(),
    secret: randomBytes(32),
    tlsPort: await freePort(),
    tlsWebPort: await freePort(),
  };
  await writeFile(join(parts.dir, 'ca.pem'), parts.authority.certificate);
  await writeFile(join(parts.dir, 'users'), basicUser);
  await writeBrokerCertificate(parts, false);
  const token = signToken(parts.secret, superUser);
  const server = await startPulsar({
    overrides: securitySettings(parts, token),
    adminHeaders: { authorization: `Bearer ${token}` },
  });
  return new SecuredPulsar(server, parts);
}

/** A line of `htpasswd` for the password `basic-password`. */
const basicUser = 'basic-user:$apr1$pharos01$MuWR7k69H3V0LqONAhbbC.\n';

function securitySettings(parts: SecurityParts, token: string): Record<string, string> {
  const broker = 'org.apache.pulsar.broker.authentication';
  const { dir } = parts;
  return {
    brokerServicePortTls: String(parts.tlsPort),
    webServicePortTls: String(parts.tlsWebPort),
    tlsCertificateFilePath: join(dir, 'broker.pem'),
    tlsKeyFilePath: join(dir, 'broker-key.pem'),
    tlsTrustCertsFilePath: join(dir, 'ca.pem'),
    tlsCertRefreshCheckDurationSec: '1',
    tlsRequireTrustedClientCertOnConnect: 'true',
    authenticationEnabled: 'true',
    authenticationProviders: ['Token', 'Tls', 'Basic']
      .map((name) => `${broker}.AuthenticationProvider${name}`)
      .join(','),
    authenticationRefreshCheckSeconds: '1',
    tokenSecretKey: `data:;base64,${parts.secret.toString('base64')}`,
    basicAuthConf: `file://${join(dir, 'users')}`,
    authorizationEnabled: 'true',
    superUserRoles: superUser,
    brokerClientAuthenticationPlugin: 'org.apache.pulsar.client.impl.auth.AuthenticationToken',
    brokerClientAuthenticationParameters: `token:${token}`,
  };
}

async function writeBrokerCertificate({ dir, authority }: SecurityParts, expired: boolean): Promise<void> {
  await writeCertificate(dir, 'broker', authority.issue({ hosts: ['127.0.0.1'], expired }));
}

/** Put in place at once, because the broker may read at any moment. */
async function writeCertificate(
  dir: string,
  name: string,
  { certificate, privateKey }: { readonly certificate: string; readonly privateKey: string },
): Promise<CertificateFiles> {
  const files = { certificatePath: join(dir, `${name}.pem`), privateKeyPath: join(dir, `${name}-key.pem`) };
  for (const [path, text] of [
    [files.privateKeyPath, privateKey],
    [files.certificatePath, certificate],
  ] as const) {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  }
  return files;
}

/** A JSON Web Token, HS256. */
function signToken(secret: Buffer, role: string, expiresInSeconds?: number): string {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const claims = { sub: role, ...(expiresInSeconds === undefined ? {} : { exp: nowSeconds + expiresInSeconds }) };
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode({ alg: 'HS256' })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
