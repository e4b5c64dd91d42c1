import { Authentication, type Credentials, fieldsOf, isText, mustBeParameters } from './authentication.ts';

export interface BasicParameters {
  /** Without a colon. */
  readonly username: string;
  readonly password: string;
}

/** A user name and a password. */
export class AuthenticationBasic extends Authentication {
  readonly method = 'basic';
  readonly #pair: string;

  /** @throws PulsarError `InvalidConfiguration` */
  constructor(params: BasicParameters) {
    super();
    const { username, password } = fieldsOf(params);
    // The first colon ends the name.
    const holds = isText(username) && isText(password) && !username.includes(':');
    mustBeParameters('AuthenticationBasic', params, ['username', 'password'], holds);
    this.#pair = `${params.username}:${params.password}`;
  }

  getCredentials(): Promise<Credentials> {
    const data = Buffer.from(this.#pair);
    return Promise.resolve({ data, header: `Basic ${data.toString('base64')}` });
  }
}
