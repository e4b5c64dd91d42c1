import { describeError } from '@pharos/errors';
import { PulsarError } from '../errors.ts';

/** A client certificate, as files in PEM. */
export interface ClientCertificate {
  readonly certificateFilePath: string;
  readonly privateKeyFilePath: string;
}

/** What proves once who the client is. */
export interface Credentials {
  /** For the binary protocol; absent where the TLS connection itself is the proof. */
  readonly data?: Buffer;
  /** For the admin API: the value of `Authorization`. */
  readonly header?: string;
  readonly certificate?: ClientCertificate;
}

/**
 * How a client proves who it is. Asked again for each new connection, and whenever a broker asks for fresh credentials.
 * What it holds must show neither in what is logged nor in errors.
 */
export abstract class Authentication {
  /** The broker's name of it: `token`, `basic`, `tls`. */
  abstract readonly method: string;

  /** @throws PulsarError `AuthenticationError` where they can't be had */
  abstract getCredentials(): Promise<Credentials>;
}

/** That credentials can't be had, and why. */
export function noCredentials(what: string, cause?: unknown): PulsarError {
  const why = cause === undefined ? '' : `: ${describeError(cause)}`;
  return new PulsarError('AuthenticationError', `${what}${why}`, cause === undefined ? {} : { cause });
}

/** @throws PulsarError `InvalidConfiguration` where a class was given other parameters than it takes */
export function mustBeParameters(name: string, params: unknown, known: readonly string[], holds: boolean): void {
  const unknown = Object.keys(fieldsOf(params)).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new PulsarError('InvalidConfiguration', `${name} takes no '${unknown}'; it takes ${known.join(', ')}`);
  }
  // The values may be secrets: they aren't shown.
  if (!holds) {
    throw new PulsarError('InvalidConfiguration', `${name} expects ${known.join(', ')} as texts that are not empty`);
  }
}

/** What somebody gave as parameters, whatever the compiler was told. */
export function fieldsOf(params: unknown): Readonly<Record<string, unknown>> {
  return typeof params === 'object' && params !== null ? { ...params } : {};
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
