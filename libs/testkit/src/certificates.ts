import { generateKeyPairSync } from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';

export interface CertificateOptions {
  /** Host names and addresses that it is for. @default none */
  readonly hosts?: readonly string[];
  /** Its common name: to Pulsar the role of a client. @default the first host, else `nobody` */
  readonly commonName?: string;
  /** Ended a day ago. @default false */
  readonly expired?: boolean;
}

/** A certificate with its private key, as PEM. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly privateKey: string;
}

const dayMs = 24 * 60 * 60_000;
let serial = 1;

/** A CA of its own for a test: what it issues is trusted by those who are told to trust it. */
export class CertificateAuthority {
  /** Its own certificate, as PEM. */
  readonly certificate: string;
  readonly #keys = newKeys();
  /** One for all that it issues: making keys takes time, and tests are about certificates. */
  readonly #issuedKeys = newKeys();
  readonly #subject: forge.pki.CertificateField[];

  constructor(commonName = 'Pharos test CA') {
    this.#subject = [{ name: 'commonName', value: commonName }];
    this.certificate = this.#make(this.#keys, this.#subject, false, [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ]);
  }

  issue(options: CertificateOptions = {}): IssuedCertificate {
    const { hosts = [], commonName = hosts[0] ?? 'nobody', expired = false } = options;
    const altNames = hosts.map((host) => (isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host }));
    const certificate = this.#make(this.#issuedKeys, [{ name: 'commonName', value: commonName }], expired, [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
    ]);
    return { certificate, privateKey: this.#issuedKeys.privatePem };
  }

  #make(keys: Keys, subject: forge.pki.CertificateField[], expired: boolean, extensions: object[]): string {
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = keys.publicKey;
    certificate.serialNumber = (serial++).toString(16).padStart(4, '0');
    // Clocks of a container may differ from those of its host.
    certificate.validity.notBefore = new Date(Date.now() - 2 * dayMs);
    certificate.validity.notAfter = new Date(Date.now() + (expired ? -dayMs : 30 * dayMs));
    certificate.setSubject(subject);
    certificate.setIssuer(this.#subject);
    certificate.setExtensions(extensions);
    certificate.sign(this.#keys.privateKey, forge.md.sha256.create());
    return forge.pki.certificateToPem(certificate);
  }
}

interface Keys {
  readonly publicKey: forge.pki.rsa.PublicKey;
  readonly privateKey: forge.pki.rsa.PrivateKey;
  /** PKCS #8, which Java reads. */
  readonly privatePem: string;
}

function newKeys(): Keys {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return {
    publicKey: forge.pki.publicKeyFromPem(publicKey),
    privateKey: forge.pki.privateKeyFromPem(privateKey),
    privatePem: privateKey,
  };
}
