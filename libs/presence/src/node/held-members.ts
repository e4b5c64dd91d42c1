import type { Member } from '../port.ts';

/** A member with what is known of it in the store. */
export interface Held {
  readonly member: Member;
  written: boolean;
  /** How often the node had been buried when it was written last. */
  burials: number;
}

/** The members of a node, by channel and client. */
export class HeldMembers {
  readonly #channels = new Map<string, Map<string, Held>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  /** Whether this very entry is there: a client may have left and come back. */
  includes(channel: string, held: Held): boolean {
    return this.#channels.get(channel)?.get(held.member.client) === held;
  }

  add(channel: string, member: Member, burials: number): Held {
    const members = this.#channels.get(channel) ?? new Map<string, Held>();
    this.#channels.set(channel, members);
    if (!members.has(member.client)) this.#size++;
    const held: Held = { member, written: false, burials };
    members.set(member.client, held);
    return held;
  }

  delete(channel: string, client: string): Held | undefined {
    const members = this.#channels.get(channel);
    const held = members?.get(client);
    if (members?.delete(client) === true) this.#size--;
    if (members?.size === 0) this.#channels.delete(channel);
    return held;
  }

  *[Symbol.iterator](): Generator<[string, Held]> {
    for (const [channel, members] of this.#channels) for (const held of members.values()) yield [channel, held];
  }
}
