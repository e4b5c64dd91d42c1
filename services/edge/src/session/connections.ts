import type { ClientSession } from './client-session.ts';

/** Connections by their user, for commands that are about users. Those without a user are in none. */
export class Connections {
  readonly #byUser = new Map<string, ClientSession | Set<ClientSession>>();

  /** Users that are connected. */
  get users(): number {
    return this.#byUser.size;
  }

  /** More than once is once. */
  add(session: ClientSession): void {
    const { user } = session;
    if (user === '') return;
    const known = this.#byUser.get(user);
    if (known === undefined) this.#byUser.set(user, session);
    else if (known instanceof Set) known.add(session);
    // Most users have one.
    else if (known !== session) this.#byUser.set(user, new Set([known, session]));
  }

  remove(session: ClientSession): void {
    const { user } = session;
    const known = this.#byUser.get(user);
    if (known === session) this.#byUser.delete(user);
    if (!(known instanceof Set)) return;
    known.delete(session);
    if (known.size === 0) this.#byUser.delete(user);
  }

  countOf(user: string): number {
    const known = this.#byUser.get(user);
    if (known === undefined) return 0;
    return known instanceof Set ? known.size : 1;
  }

  ofUser(user: string): ClientSession[] {
    const known = this.#byUser.get(user);
    if (known === undefined) return [];
    return known instanceof Set ? [...known] : [known];
  }
}
