import type { Expiring } from '../auth/expirations.ts';
import type { ClientSession } from './client-session.ts';
import type { Grant } from './grant.ts';

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
  readonly #expiry: number;

  constructor(session: ClientSession, channel: string, grant: Grant) {
    this.grant = grant;
    this.#session = session;
    this.#channel = channel;
    this.#expiry = grant.expireAt === undefined ? -1 : session.context.subExpirations.add(this, grant.expireAt);
  }

  expired(): void {
    this.#session.subscriptionExpired(this.#channel);
  }

  end(): void {
    this.#session.context.subExpirations.remove(this, this.#expiry);
  }
}
