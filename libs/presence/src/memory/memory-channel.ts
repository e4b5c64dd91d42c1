import { ownerText } from '../record.ts';
import type { Change, ChangeOutcome, Leave, MemberOnNode, Owner, PresenceStats } from '../port.ts';

interface Kept extends MemberOnNode {
  readonly joinId: string;
  readonly fresh: boolean;
}

/** Who is in one channel, and whose leave is still to be published. */
export class MemoryChannel {
  readonly #name: string;
  readonly #members = new Map<string, Kept>();
  readonly #users = new Map<string, number>();
  readonly #leaving = new Map<string, Leave>();

  constructor(name: string) {
    this.#name = name;
  }

  get empty(): boolean {
    return this.#members.size === 0 && this.#leaving.size === 0;
  }

  get stats(): PresenceStats {
    return { clients: this.#members.size, users: this.#users.size };
  }

  get members(): MemberOnNode[] {
    return [...this.#members.values()].map(({ client, user, info, owner }) => ({ client, user, info, owner }));
  }

  change(change: Change): ChangeOutcome {
    if (change.do === 'join') return this.#join(change);
    if (change.do === 'leave') return this.#leave(change.client, change.id);
    if (this.#leaving.get(change.client)?.id === change.id) this.#leaving.delete(change.client);
    return { fresh: false, leave: undefined };
  }

  takeOut(owner: Owner, idPrefix: string): void {
    for (const { client, owner: of } of this.members) {
      if (ownerText(of) === ownerText(owner)) this.#leave(client, `${idPrefix}${client}`);
    }
  }

  owed(owner: Owner): Leave[] {
    return [...this.#leaving.values()].filter((leave) => ownerText(leave.owner) === ownerText(owner));
  }

  #join({ id, owner, member }: Change & { do: 'join' }): ChangeOutcome {
    const { client, user } = member;
    const old = this.#members.get(client);
    const fresh = old?.joinId === id ? old.fresh : old === undefined;
    if (old?.user !== user) {
      if (old !== undefined) this.#count(old.user, -1);
      this.#count(user, 1);
    }
    // The caller may use its buffer again.
    this.#members.set(client, { client, user, info: Buffer.from(member.info), owner, joinId: id, fresh });
    return { fresh, leave: this.#leaving.get(client) };
  }

  #leave(client: string, id: string): ChangeOutcome {
    const member = this.#members.get(client);
    if (member === undefined) {
      const leave = this.#leaving.get(client);
      return { fresh: false, leave: leave?.id === id ? leave : undefined };
    }
    const { user, info, owner } = member;
    const leave = { id, channel: this.#name, client, user, info, owner };
    this.#members.delete(client);
    this.#count(user, -1);
    this.#leaving.set(client, leave);
    return { fresh: false, leave };
  }

  #count(user: string, by: number): void {
    const count = (this.#users.get(user) ?? 0) + by;
    if (count > 0) this.#users.set(user, count);
    else this.#users.delete(user);
  }
}
