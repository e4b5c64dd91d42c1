import { Authentication, type Credentials, fieldsOf, isText, mustBeParameters } from './authentication.ts';

export interface TlsParameters {
  /** PEM: the certificate, then those that lead up to its CA. */
  readonly certificatePath: string;
  /** PEM. */
  readonly privateKeyPath: string;
}

/** A client certificate, shown while the TLS connection is made. Its files are read again for each connection. */
export class AuthenticationTls extends Authentication {
  readonly method = 'tls';
  readonly #credentials: Credentials;

  /** @throws PulsarError `InvalidConfiguration` */
  constructor(params: TlsParameters) {
    super();
    const fields = fieldsOf(params);
    const holds = isText(fields['certificatePath']) && isText(fields['privateKeyPath']);
    mustBeParameters('AuthenticationTls', params, ['certificatePath', 'privateKeyPath'], holds);
    const { certificatePath: certificateFilePath, privateKeyPath: privateKeyFilePath } = params;
    this.#credentials = { certificate: { certificateFilePath, privateKeyFilePath } };
  }

  getCredentials(): Promise<Credentials> {
    return Promise.resolve(this.#credentials);
  }
}
