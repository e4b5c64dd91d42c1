import type { Authentication, ClientCertificate, Credentials } from '../auth/authentication.ts';
import { PulsarError } from '../errors.ts';
import type { AuthData } from '../wire/index.ts';
import type { TlsSettings } from './tls-settings.ts';

/** How the brokers of a cluster are to be spoken to. */
export interface Access {
  readonly authentication: Authentication | undefined;
  readonly tls: TlsSettings;
}

/** The credentials of one connection: what it says in CONNECT, and again whenever the broker asks. */
export class ConnectionCredentials {
  readonly #authentication: Authentication | undefined;
  /** What was said last; it must not show in errors. */
  #said: string | undefined;

  constructor(authentication: Authentication | undefined) {
    this.#authentication = authentication;
  }

  get method(): string {
    return this.#authentication?.method ?? 'none';
  }

  get none(): boolean {
    return this.#authentication === undefined;
  }

  /** @throws PulsarError `AuthenticationError` */
  async fetch(): Promise<{ readonly data: AuthData; readonly certificate: ClientCertificate | undefined }> {
    const credentials = await this.#credentials();
    this.#said = credentials.data?.toString('utf8');
    const { method } = this;
    return { data: { authMethodName: method, authData: credentials.data }, certificate: credentials.certificate };
  }

  /** What a broker says, without the credentials that it may quote. */
  scrub(text: string | undefined): string | undefined {
    if (this.#said === undefined || this.#said === '') return text;
    return text?.replaceAll(this.#said, '[credentials]');
  }

  async #credentials(): Promise<Credentials> {
    try {
      return (await this.#authentication?.getCredentials()) ?? {};
    } catch (cause) {
      if (cause instanceof PulsarError) throw cause;
      throw new PulsarError('AuthenticationError', 'the credentials could not be had', { cause });
    }
  }
}
