import { eventually } from '@pharos/testkit';
import {
  type ChangeOutcome,
  type Leave,
  MemoryPresence,
  PresenceNode,
  type PresenceNodeOptions,
  type PresenceStore,
  Reaper,
} from '@pharos/presence';

export interface Rejoin {
  readonly channel: string;
  readonly client: string;
  readonly outcome: ChangeOutcome;
}

/** Nodes and reapers on one store in memory, whose time passes when the test says so. */
export class Fleet {
  readonly clock = { ms: 1_000 };
  readonly memory: MemoryPresence = new MemoryPresence({ now: () => this.clock.ms });
  readonly published: Leave[] = [];
  readonly rejoined: Rejoin[] = [];
  readonly errors: Error[] = [];
  readonly #nodes: PresenceNode[] = [];

  /** Its lease is renewed when the test calls `beat`. */
  async node(
    name: string,
    store: PresenceStore = this.memory,
    more: Partial<PresenceNodeOptions> = {},
  ): Promise<PresenceNode> {
    const node = new PresenceNode(store, {
      node: name,
      about: () => Buffer.from(name),
      onRejoined: (channel, { client }, outcome) => this.rejoined.push({ channel, client, outcome }),
      onError: (error) => this.errors.push(error),
      now: () => this.clock.ms,
      ...more,
    });
    this.#nodes.push(node);
    await node.run();
    return node;
  }

  reaper(store: PresenceStore = this.memory, publish?: (leaves: readonly Leave[]) => Promise<void>): Reaper {
    return new Reaper(store, {
      publish: publish ?? ((leaves) => Promise.resolve(void this.published.push(...leaves))),
      onError: (error) => this.errors.push(error),
      now: () => this.clock.ms,
      // Tests look once a lease.
      lookMs: 10_001,
    });
  }

  /** A lease's time passes, and then those who live renew. */
  async pass(...living: readonly PresenceNode[]): Promise<void> {
    this.clock.ms += 10_001;
    for (const node of living) await node.beat();
    await this.settled(...living);
  }

  /** Waits until what these nodes announce is in the store. */
  async settled(...nodes: readonly PresenceNode[]): Promise<void> {
    for (const node of nodes) {
      await eventually(() => (node.waiting === 0 ? true : undefined), 'end of the announcements');
    }
  }

  /** How many generations have a lease. */
  async leases(): Promise<number> {
    return (await this.memory.nodes()).filter(({ lease }) => lease !== undefined).length;
  }

  /** Time passes until the lease of a node's former generation has run out. */
  async formerEnds(node: PresenceNode): Promise<void> {
    await eventually(async () => {
      this.clock.ms += 10_001;
      await node.beat();
      return (await this.leases()) === 1 ? true : undefined;
    }, 'end of the former generation');
    await this.settled(node);
  }

  async clients(channel: string): Promise<string[]> {
    return (await this.memory.members(channel)).map(({ client }) => client).sort((a, b) => (a < b ? -1 : 1));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
  }
}

/** `store` with some of what it does replaced. */
export function altered(store: PresenceStore, changes: Partial<PresenceStore>): PresenceStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (Object.hasOwn(changes, name)) return Reflect.get(changes, name) as unknown;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
