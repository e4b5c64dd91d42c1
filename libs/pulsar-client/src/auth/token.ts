import { readFile } from 'node:fs/promises';
import { PulsarError } from '../errors.ts';
import {
  Authentication,
  type Credentials,
  fieldsOf,
  isText,
  mustBeParameters,
  noCredentials,
} from './authentication.ts';

/** Gives the token of this moment; it may be another each time. */
export type TokenSupplier = () => string | Promise<string>;

export type TokenParameters =
  | { readonly token: string | TokenSupplier }
  /** A file that holds the token, read again each time; white space around it doesn't count. */
  | { readonly tokenFilePath: string };

/** A token, mostly a JSON Web Token. */
export class AuthenticationToken extends Authentication {
  readonly method = 'token';
  readonly #supply: TokenSupplier;

  /** @throws PulsarError `InvalidConfiguration` */
  constructor(params: TokenParameters) {
    super();
    this.#supply = supplierOf(params);
  }

  async getCredentials(): Promise<Credentials> {
    let token: unknown;
    try {
      token = await this.#supply();
    } catch (cause) {
      if (cause instanceof PulsarError) throw cause;
      throw noCredentials('the token supplier failed', cause);
    }
    if (!isText(token)) throw noCredentials(`the token supplier gave ${kindOf(token)}, expected a text`);
    // A line break would end the header, or be taken for part of the token by the broker.
    if (/[\s\p{Cc}]/u.test(token)) throw noCredentials('the token holds white space or control characters');
    return { data: Buffer.from(token), header: `Bearer ${token}` };
  }
}

function supplierOf(params: TokenParameters): TokenSupplier {
  const { token, tokenFilePath } = fieldsOf(params);
  const one = token === undefined ? isText(tokenFilePath) : tokenFilePath === undefined;
  if (one && typeof token === 'function') {
    mustBeParameters('AuthenticationToken', params, ['token'], true);
    return token as TokenSupplier;
  }
  const known = tokenFilePath === undefined ? ['token'] : ['tokenFilePath'];
  mustBeParameters('AuthenticationToken', params, known, one && (token === undefined || isText(token)));
  return isText(token) ? (): string => token : (): Promise<string> => readToken(String(tokenFilePath));
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw noCredentials(`the token file '${path}' can't be read`, cause);
  }
}

function kindOf(value: unknown): string {
  return value === '' ? 'an empty text' : value === null ? 'null' : typeof value;
}
