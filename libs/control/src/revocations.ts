import type { Revocation } from './message.ts';

/** Against a topic that somebody fills: whoever revokes is refused before. */
export const maxRevocations = 1_000_000;

/** What a token says that it can be revoked by. */
export interface RevocableToken {
  readonly user: string;
  /** `jti`; empty where there is none. */
  readonly id: string;
  /** `iat`, in seconds since 1970. */
  readonly issuedAt: number | undefined;
}

/** The tokens that hold no more, as far as they would still be valid. */
export class Revocations {
  readonly #now: () => number;
  /** Until when, by `jti`. */
  readonly #tokens = new Map<string, number>();
  readonly #users = new Map<string, { readonly issuedBefore: number; readonly until: number }>();
  #nextLook = 0;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get size(): number {
    return this.#tokens.size + this.#users.size;
  }

  /** However often and in whichever order. */
  add({ tokenId, user, issuedBefore, until }: Revocation): void {
    const now = this.#now() / 1_000;
    this.#forget(now);
    if (until <= now) return;
    if (tokenId !== '') {
      this.#tokens.set(tokenId, Math.max(until, this.#tokens.get(tokenId) ?? 0));
      return;
    }
    const known = this.#users.get(user);
    this.#users.set(user, {
      issuedBefore: Math.max(issuedBefore, known?.issuedBefore ?? 0),
      until: Math.max(until, known?.until ?? 0),
    });
  }

  /** Of a user whose tokens of a time were revoked, one that doesn't say when it was issued is of that time. */
  isRevoked({ user, id, issuedAt }: RevocableToken): boolean {
    if (id !== '' && this.#tokens.has(id)) return true;
    const rule = user === '' ? undefined : this.#users.get(user);
    return rule !== undefined && (issuedAt ?? 0) < rule.issuedBefore;
  }

  #forget(now: number): void {
    if (now < this.#nextLook && this.size < maxRevocations) return;
    this.#nextLook = now + 60;
    for (const [id, until] of this.#tokens) if (until <= now) this.#tokens.delete(id);
    for (const [user, { until }] of this.#users) if (until <= now) this.#users.delete(user);
  }
}
