import { createHash } from 'node:crypto';
import { PresenceError } from '../errors.ts';
import type { Owner } from '../port.ts';

export interface ChannelKeys {
  /** Hash: client → member. */
  readonly members: string;
  /** Hash: user → how many of the members are theirs. */
  readonly users: string;
  /** Hash: client → leave that is still to be published. */
  readonly leaving: string;
}

export interface OwnerKeys {
  /** What the node says of itself; expires unless it is renewed. */
  readonly lease: string;
  /** Set of the channels that may have members of the generation. */
  readonly channels: string;
  /** The generation was taken for dead. */
  readonly tombstone: string;
}

/** Only what is between the first braces decides where a key lives, so names of others stand there hashed. */
export class PresenceKeys {
  /** Set of all generations that aren't forgotten, as `<generation>@<node>`. */
  readonly nodes: string;
  readonly #base: string;

  /** @throws PresenceError `invalid` where the prefix would become a tag itself */
  constructor(prefix: string) {
    if (!/^[\w.:-]+$/.test(prefix)) {
      throw new PresenceError('invalid', `the key prefix is '${prefix}', expected letters, digits and _ . : - only`);
    }
    this.#base = `${prefix}:presence`;
    this.nodes = `${this.#base}:{nodes}`;
  }

  channel(channel: string): ChannelKeys {
    const base = `${this.#base}:{c:${hash(channel)}}`;
    return { members: `${base}:members`, users: `${base}:users`, leaving: `${base}:leaving` };
  }

  owner({ node, generation }: Owner): OwnerKeys {
    const base = `${this.#base}:{n:${hash(node)}}`;
    return {
      lease: `${base}:lease:${generation}`,
      channels: `${base}:channels:${generation}`,
      tombstone: `${base}:tombstone:${generation}`,
    };
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
