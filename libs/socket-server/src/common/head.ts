import type { RequestHead } from '../port.ts';

/** Of a request line and its headers: a URL may hold a connect command with its token, and there are long cookies. */
export const MAX_HEAD_BYTES: number = 80 * 1024;

/**
 * The head of a request, copied out of the library's own buffers.
 *
 * Headers are kept flat (`name, value, name, value`, names in lower case): most requests are asked for two or three of
 * them, so looking through a short list is cheaper than making a map for each.
 */
export class Head implements RequestHead {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly remoteAddress: string;
  readonly #headers: readonly string[];

  constructor(method: string, path: string, query: string, headers: readonly string[], remoteAddress: string) {
    this.method = method;
    this.path = path;
    this.query = query;
    this.remoteAddress = remoteAddress;
    this.#headers = headers;
  }

  header(name: string): string {
    const headers = this.#headers;
    let found: string | undefined;
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i] !== name) continue;
      const value = headers[i + 1] ?? '';
      if (found === undefined) found = value;
      else found = `${found}${name === 'cookie' ? '; ' : ', '}${value}`;
    }
    return found ?? '';
  }
}
