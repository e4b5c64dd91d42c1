import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { describeError } from '@pharos/errors';
import { SocketServerError } from '../errors.ts';
import type { CertificateFiles, CertificateInfo } from '../port.ts';

/** What older clients may not fall back to. */
export const MIN_TLS_VERSION = 'TLSv1.2';

/** A certificate with its key, proven to belong together. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly info: CertificateInfo;
}

/** Reads and proves the files. @throws SocketServerError `invalid-certificate`, which names the file and never what is in it */
export function readCertificate({ certFile, keyFile }: CertificateFiles): Certificate {
  const cert = read(certFile);
  const key = read(keyFile);
  const parsed = parse(certFile, 'a certificate in PEM', () => new X509Certificate(cert));
  const privateKey: KeyObject = parse(keyFile, 'a private key in PEM without a passphrase', () =>
    createPrivateKey(key),
  );
  if (!parsed.checkPrivateKey(privateKey)) {
    throw new SocketServerError('invalid-certificate', `${keyFile} is not the key of the certificate in ${certFile}`);
  }
  // What the chain behind the first certificate is made of, too.
  parse(certFile, 'a chain of certificates in PEM', () =>
    createSecureContext({ cert, key, minVersion: MIN_TLS_VERSION }),
  );
  return { cert, key, info: { subject: parsed.subject.replaceAll('\n', ', '), expiresMs: Date.parse(parsed.validTo) } };
}

export function isSameCertificate(one: Certificate, other: Certificate): boolean {
  return one.cert.equals(other.cert) && one.key.equals(other.key);
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new SocketServerError('invalid-certificate', `${file} cannot be read: ${describeError(cause)}`, { cause });
  }
}

function parse<T>(file: string, expected: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new SocketServerError('invalid-certificate', `${file} is not ${expected}`, { cause });
  }
}
