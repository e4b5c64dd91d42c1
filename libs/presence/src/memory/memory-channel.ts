import { isLate, ownerText } from '../record.ts';
import type { Change, ChangeOutcome, Leave, MemberOnNode, Owner, PresenceStats } from '../port.ts';

interface Kept extends MemberOnNode {
  readonly joinId: string;
  readonly fresh: boolean;
}

interface Owed extends Leave {
  readonly joined: Pick<Kept, 'joinId' | 'fresh'>;
}

/** Who is in one channel, and whose leave is still to be published. */
export class MemoryChannel {
  readonly #name: string;
  readonly #members = new Map<string, Kept>();
  readonly #users = new Map<string, number>();
  readonly #leaving = new Map<string, Owed>();

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
    const owed = [...this.#leaving.values()].filter((leave) => ownerText(leave.owner) === ownerText(owner));
    return owed.map(withoutJoin);
  }

  #join({ id, owner, member }: Change & { do: 'join' }): ChangeOutcome {
    const { client, user } = member;
    const old = this.#members.get(client);
    const leaving = this.#leaving.get(client);
    if (old !== undefined && isLate(id, old.joinId)) return { fresh: false, leave: undefined };
    if (old === undefined && leaving !== undefined && isLate(id, leaving.id)) {
      const { joinId, fresh } = leaving.joined;
      return { fresh: joinId === id && fresh, leave: undefined };
    }
    const fresh = old?.joinId === id ? old.fresh : old === undefined;
    if (old?.user !== user) {
      if (old !== undefined) this.#count(old.user, -1);
      this.#count(user, 1);
    }
    // The caller may use its buffer again.
    this.#members.set(client, { client, user, info: Buffer.from(member.info), owner, joinId: id, fresh });
    return { fresh, leave: leaving === undefined ? undefined : withoutJoin(leaving) };
  }

  #leave(client: string, id: string): ChangeOutcome {
    const member = this.#members.get(client);
    if (member === undefined || isLate(id, member.joinId)) {
      const leave = this.#leaving.get(client);
      return { fresh: false, leave: leave?.id === id ? withoutJoin(leave) : undefined };
    }
    const { user, info, owner, joinId, fresh } = member;
    const leave = { id, channel: this.#name, client, user, info, owner };
    this.#members.delete(client);
    this.#count(user, -1);
    this.#leaving.set(client, { ...leave, joined: { joinId, fresh } });
    return { fresh: false, leave };
  }

  #count(user: string, by: number): void {
    const count = (this.#users.get(user) ?? 0) + by;
    if (count > 0) this.#users.set(user, count);
    else this.#users.delete(user);
  }
}

function withoutJoin({ id, channel, client, user, info, owner }: Owed): Leave {
  return { id, channel, client, user, info, owner };
}
