import type { Authentication } from './auth/authentication.ts';
import { AuthenticationBasic } from './auth/basic.ts';
import { AuthenticationToken } from './auth/token.ts';
import type { AccessOptions } from './connection/access-settings.ts';

/** How to be let in, as files and environments can say it. At most one of token, token file and user name. */
export interface AccessTexts {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** @default true */
  readonly validateHostname?: boolean;
  /** @default false */
  readonly allowInsecure?: boolean;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** The same as options of a client or an admin. @throws PulsarError `InvalidConfiguration` */
export function accessFromTexts(texts: AccessTexts): AccessOptions {
  const authentication = authenticationOf(texts);
  const { caFile, certFile, keyFile, validateHostname = true, allowInsecure = false } = texts;
  return {
    ...(authentication === undefined ? {} : { authentication }),
    ...(caFile === undefined ? {} : { tlsTrustCertsFilePath: caFile }),
    ...(certFile === undefined ? {} : { tlsCertificateFilePath: certFile }),
    ...(keyFile === undefined ? {} : { tlsPrivateKeyFilePath: keyFile }),
    tlsValidateHostname: validateHostname,
    tlsAllowInsecureConnection: allowInsecure,
  };
}

function authenticationOf({ token, tokenFile, username, password }: AccessTexts): Authentication | undefined {
  if (token !== undefined) return new AuthenticationToken({ token });
  if (tokenFile !== undefined) return new AuthenticationToken({ tokenFilePath: tokenFile });
  if (username === undefined && password === undefined) return undefined;
  return new AuthenticationBasic({ username: username ?? '', password: password ?? '' });
}
