import { createHash, timingSafeEqual } from 'node:crypto';

import type { RequestHead } from '@pharos/socket-server';

/** What a key allows: to publish; to read presence, history and who is connected; `admin` is everything. */
export type Scope = 'publish' | 'read' | 'admin';

export interface KeyConfig {
  /** For the audit log. */
  readonly name: string;
  readonly key: string;
  readonly scopes: readonly Scope[];
}

/** A key that was shown, by its name. */
export interface KeyHolder {
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** The keys that open the API. */
export class ApiKeys {
  readonly #keys: readonly { readonly digest: Buffer; readonly holder: KeyHolder }[];

  constructor(keys: readonly KeyConfig[]) {
    this.#keys = keys.map(({ name, key, scopes }) => ({ digest: digestOf(key), holder: { name, scopes } }));
  }

  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  /** Whose key a request carries. Takes the same time whichever it is, and whether it is one. */
  holderOf(head: RequestHead): KeyHolder | undefined {
    const shown = keyIn(head);
    const digest = digestOf(shown);
    let found: KeyHolder | undefined;
    for (const key of this.#keys) if (timingSafeEqual(digest, key.digest)) found = key.holder;
    return shown === '' ? undefined : found;
  }
}

export function allows({ scopes }: KeyHolder, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}

/** `X-API-Key: <key>`, or `Authorization: apikey <key>`; empty where there is neither. Never from the URL, which ends up in logs. */
function keyIn(head: RequestHead): string {
  const key = head.header('x-api-key');
  if (key !== '') return key;
  return /^apikey +(\S+)$/i.exec(head.header('authorization'))?.[1] ?? '';
}

/** Of equal length, whatever the key's is. */
function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
