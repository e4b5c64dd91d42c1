import { unsubscribeCodes } from '@pharos/client-protocol';

import type { Expirations, Expiring } from '../auth/expirations.ts';
import type { ClientSession } from './client-session.ts';
import type { Grant } from './grant.ts';
import { refreshProxyOf, refreshSubByServer } from './server-refresh.ts';

/** What the subscriptions of a connection were given with, and when they are over. */
export class HeldGrants {
  readonly #session: ClientSession;
  readonly #grants = new Map<string, HeldGrant>();

  constructor(session: ClientSession) {
    this.#session = session;
  }

  get(channel: string): Grant | undefined {
    return this.#grants.get(channel)?.grant;
  }

  /** Whether the client was told that the subscription ends. */
  isToRefresh(channel: string): boolean {
    return this.#grants.get(channel)?.isToRefresh === true;
  }

  set(channel: string, grant: Grant): void {
    this.#grants.get(channel)?.end();
    this.#grants.set(channel, new HeldGrant(this.#session, channel, grant));
  }

  delete(channel: string): void {
    this.#grants.get(channel)?.end();
    this.#grants.delete(channel);
  }

  clear(): void {
    for (const held of this.#grants.values()) held.end();
    this.#grants.clear();
  }
}

class HeldGrant implements Expiring {
  readonly grant: Grant;
  readonly #session: ClientSession;
  readonly #channel: string;
  /** Undefined: the client is to refresh it. */
  readonly #proxy: string | undefined;
  readonly #expiry: number;

  constructor(session: ClientSession, channel: string, grant: Grant) {
    this.grant = grant;
    this.#session = session;
    this.#channel = channel;
    this.#proxy = refreshProxyOf(session, channel);
    this.#expiry = grant.expireAt === undefined ? -1 : this.#expirations.add(this, grant.expireAt);
  }

  expired(): void {
    if (this.#proxy === undefined) this.#session.unsubscribed(this.#channel, unsubscribeCodes.expired);
    else void refreshSubByServer(this.#session, this.#channel, this.#proxy, this.grant);
  }

  get isToRefresh(): boolean {
    return this.#proxy === undefined && this.grant.expireAt !== undefined;
  }

  end(): void {
    this.#expirations.remove(this, this.#expiry);
  }

  get #expirations(): Expirations {
    const { subExpirations, backendExpirations } = this.#session.context;
    return this.#proxy === undefined ? subExpirations : backendExpirations;
  }
}
