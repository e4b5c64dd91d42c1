import { disconnectCodes, type RawData } from '@pharos/client-protocol';
import type { RevocableToken } from '@pharos/control';
import type { AskingClient } from '@pharos/proxies';

import type { Expirations, Expiring } from '../auth/expirations.ts';
import { anonymous, type ConnectionIdentity } from '../auth/identity.ts';
import type { ClientSession } from './client-session.ts';
import { refreshByServer } from './server-refresh.ts';

/** Whose a connection is, until when, and as what the application's backend knows it. */
export class Holder implements Expiring {
  readonly #session: ClientSession;
  /** Headers of the connection request that the backend may see. */
  readonly #headers: ReadonlyMap<string, string> | undefined;
  #claimedHeaders: ReadonlyMap<string, string> | undefined;
  #identity: ConnectionIdentity = anonymous;
  /** Among what expires; which that is may change with the configuration. */
  #expiry: { readonly among: Expirations; readonly second: number } | undefined;

  constructor(session: ClientSession, headers: ReadonlyMap<string, string> | undefined) {
    this.#session = session;
    this.#headers = headers;
  }

  /** Empty: anonymous. */
  get user(): string {
    return this.#identity.user;
  }

  /** Shown to others: JSON. */
  get info(): RawData | undefined {
    return this.#identity.info;
  }

  /** What it was let in with, where that was a token. */
  get token(): RevocableToken | undefined {
    return this.#identity.token;
  }

  /** How long the connection lasts, as clients are told. */
  get validity(): { readonly expires?: boolean; readonly ttlSeconds?: number } {
    const { proxies, expirations } = this.#session.context;
    const { expireAt } = this.#identity;
    // Where the backend is asked the client has nothing to do about it.
    if (expireAt === undefined || proxies.asksOnExpiry) return {};
    return { expires: true, ttlSeconds: expirations.ttlSeconds(expireAt) };
  }

  /** Whether the client was told that its connection ends, which the backend may have been asked to decide only since. */
  get isToRefresh(): boolean {
    return this.#expiry?.among === this.#session.context.expirations;
  }

  get asking(): AskingClient {
    const { id: client, codec, context } = this.#session;
    const { user, meta } = this.#identity;
    const headers = { transport: this.#headers, emulated: this.#claimedHeaders };
    return { client, transportName: context.carrier.transport, protocol: codec.encoding, user, meta, ...headers };
  }

  /** Headers within its connect command. */
  claims(headers: ReadonlyMap<string, string>): void {
    this.#claimedHeaders = this.#session.context.proxies.emulatedHeaders(headers);
  }

  /** Who the client is that asks to come in; false, and closed, where that user has as many connections as may be. */
  admit(identity: ConnectionIdentity): boolean {
    const { connections, limits } = this.#session.context;
    // A connect that failed may be tried again.
    connections.remove(this.#session);
    this.#identity = anonymous;
    const { userConnections: most } = limits;
    if (most !== undefined && identity.user !== '' && connections.countOf(identity.user) >= most) {
      this.#session.disconnect(disconnectCodes.connectionLimit);
      return false;
    }
    this.identify(identity);
    return true;
  }

  /** Who the client is, from now on and until when. */
  identify(identity: ConnectionIdentity): void {
    this.#forgetExpiry();
    this.#identity = identity;
    const { connections, proxies, expirations, backendExpirations } = this.#session.context;
    connections.add(this.#session);
    if (identity.expireAt === undefined) return;
    const among = proxies.asksOnExpiry ? backendExpirations : expirations;
    this.#expiry = { among, second: among.add(this, identity.expireAt) };
  }

  /** Some of it is otherwise from now on. */
  change(change: Partial<Omit<ConnectionIdentity, 'user'>>): void {
    if (!this.#session.closed) this.identify({ ...this.#identity, ...change });
  }

  /** Its time is over: it was not refreshed, or the backend is to say whether it goes on. */
  expired(): void {
    if (this.#session.context.proxies.asksOnExpiry) void refreshByServer(this.#session);
    else this.#session.disconnect(disconnectCodes.connectionExpired);
  }

  /** The connection has ended. */
  left(): void {
    this.#session.context.connections.remove(this.#session);
    this.#forgetExpiry();
  }

  #forgetExpiry(): void {
    this.#expiry?.among.remove(this, this.#expiry.second);
    this.#expiry = undefined;
  }
}
