import { Authentication } from '../auth/authentication.ts';
import { mustHold, text } from '../options.ts';
import type { Access } from './access.ts';

/** The options of a client or an admin that say how to be let in, by the official client's names. */
export interface AccessOptions {
  /** How the client proves who it is: AuthenticationToken, AuthenticationTls, AuthenticationBasic. @default not at all */
  readonly authentication?: Authentication;
  /** PEM: the CAs that may sign a broker's certificate. @default those that Node.js trusts */
  readonly tlsTrustCertsFilePath?: string;
  /** PEM: a client certificate; needs `tlsPrivateKeyFilePath`. All files are read again for each new connection. */
  readonly tlsCertificateFilePath?: string;
  readonly tlsPrivateKeyFilePath?: string;
  /** Whether a broker's certificate must be for its host name. The official client's default is false. @default true */
  readonly tlsValidateHostname?: boolean;
  /** Takes any certificate: for trials only, since anybody could listen. @default false */
  readonly tlsAllowInsecureConnection?: boolean;
}

export const accessOptions: readonly (keyof AccessOptions)[] = [
  'authentication',
  'tlsTrustCertsFilePath',
  'tlsCertificateFilePath',
  'tlsPrivateKeyFilePath',
  'tlsValidateHostname',
  'tlsAllowInsecureConnection',
];

/** These options, checked, with their defaults. @throws PulsarError `InvalidConfiguration` */
export function accessSettings(kind: string, config: AccessOptions): Access {
  const path = (name: keyof AccessOptions, value: string | undefined): string | undefined =>
    value === undefined ? undefined : text(kind, name, value);
  const flag = (name: keyof AccessOptions, value: boolean | undefined, fallback: boolean): boolean => {
    mustHold(kind, value === undefined || typeof value === 'boolean', `${name} is not true or false`);
    return value ?? fallback;
  };
  const { authentication } = config;
  const known = authentication === undefined || authentication instanceof Authentication;
  mustHold(
    kind,
    known,
    'authentication is not one of this package: expected an AuthenticationToken, AuthenticationTls or AuthenticationBasic',
  );
  const certificateFilePath = path('tlsCertificateFilePath', config.tlsCertificateFilePath);
  const privateKeyFilePath = path('tlsPrivateKeyFilePath', config.tlsPrivateKeyFilePath);
  const both = (certificateFilePath === undefined) === (privateKeyFilePath === undefined);
  mustHold(kind, both, 'tlsCertificateFilePath and tlsPrivateKeyFilePath go together, and one of them is missing');
  return {
    authentication,
    tls: {
      trustCertsFilePath: path('tlsTrustCertsFilePath', config.tlsTrustCertsFilePath),
      certificate:
        certificateFilePath === undefined || privateKeyFilePath === undefined
          ? undefined
          : { certificateFilePath, privateKeyFilePath },
      validateHostname: flag('tlsValidateHostname', config.tlsValidateHostname, true),
      allowInsecureConnection: flag('tlsAllowInsecureConnection', config.tlsAllowInsecureConnection, false),
    },
  };
}
