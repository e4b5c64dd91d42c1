import assert from 'node:assert/strict';
import {
  type ChangeOutcome,
  type Leave,
  LeaveIds,
  MemoryPresence,
  PresenceError,
  PresenceNode,
  type PresenceStore,
  Reaper,
} from '@pharos/presence';
import { eventually } from '@pharos/testkit';
import { member } from './conformance/harness.ts';

export type Step =
  | { readonly do: 'join'; readonly node: number; readonly channel: number }
  | { readonly do: 'leave' | 'again'; readonly node: number; readonly which: number }
  | { readonly do: 'crash' | 'freeze' | 'thaw'; readonly node: number }
  | { readonly do: 'pass'; readonly halves: number }
  /** `deaf`: the reaper can't publish, until it can: `hear`. */
  | { readonly do: 'look' | 'cut' | 'flush' | 'outage' | 'recover' | 'deaf' | 'hear' };

interface Seat {
  readonly channel: string;
  readonly client: string;
}

interface Edge {
  node: PresenceNode;
  state: 'alive' | 'frozen';
  seats: Seat[];
  /** The store was emptied, and hasn't heard of the edge since. */
  isForgotten: boolean;
}

const leaseMs = 10_000;

/**
 * A fleet under whatever may happen to it, and what has to be true of it: edges that publish what their nodes tell them, as edges do, and a
 * reaper. Their clock is the model's.
 */
export class Model {
  #clockMs = 1_000;
  #memory = new MemoryPresence({ now: () => this.#clockMs });
  #session = 1;
  #isAway = false;
  #isDeaf = false;
  readonly #store: PresenceStore = this.#door();
  readonly #reaper: Reaper;
  readonly #edges: Edge[] = [];
  readonly #all: PresenceNode[] = [];
  readonly #work = new Set<Promise<void>>();
  /** `join` and `leave` as they were published, repetitions dropped. */
  readonly #events = new Map<string, string[]>();
  readonly #ids = new LeaveIds();
  #clients = 0;

  constructor() {
    this.#reaper = new Reaper(this.#store, {
      publish: (leaves) => {
        if (this.#isDeaf) return Promise.reject(new Error('as the model wants it'));
        for (const leave of leaves) this.#publishLeave(leave);
        return Promise.resolve();
      },
      onError: () => undefined,
      now: () => this.#clockMs,
      lookMs: leaseMs / 2,
    });
  }

  async start(edges: number): Promise<void> {
    for (let index = 0; index < edges; index++) {
      this.#edges.push({ node: await this.#newNode(index), state: 'alive', seats: [], isForgotten: false });
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((node) => node.stop()));
    await Promise.all(this.#work);
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'join':
        this.#clients++;
        return this.#join(this.#edge(step.node), { channel: `c${step.channel}`, client: `m${this.#clients}` });
      case 'leave':
      case 'again':
        return this.#moveSeat(this.#edge(step.node), step.which, step.do === 'again');
      case 'crash':
        return this.#crash(step.node);
      case 'freeze':
        await this.#remembered(this.#edge(step.node));
        this.#edge(step.node).state = 'frozen';
        return;
      case 'thaw':
        // What it does next may come before its next beat.
        this.#edge(step.node).state = 'alive';
        return;
      case 'pass':
        for (let half = 0; half < step.halves; half++) await this.#passHalf();
        return;
      case 'look':
        return this.#look();
      case 'cut':
        this.#session++;
        return this.#beat();
      case 'flush':
        return this.#flush();
      case 'outage':
        this.#isAway = true;
        return;
      case 'recover':
        return this.#recover();
      case 'deaf':
      case 'hear':
        this.#isDeaf = step.do === 'deaf';
        return;
    }
  }

  /** All is well again, for long enough: then everybody is in presence who is there, and nobody else, and each join has its leave. */
  async verify(): Promise<void> {
    await this.#calm();
    const here = new Map<string, Set<string>>();
    for (const { seats } of this.#edges) {
      for (const { channel, client } of seats) here.set(channel, (here.get(channel) ?? new Set()).add(client));
    }
    for (const channel of ['c0', 'c1', 'c2']) {
      const expected = [...(here.get(channel) ?? [])].sort();
      const members = (await this.#store.members(channel)).map(({ client }) => client).sort();
      assert.deepEqual(members, expected, `members of ${channel}`);
      assert.equal((await this.#store.stats(channel)).clients, expected.length, `count of ${channel}`);
    }
    for (const [key, types] of this.#events) {
      const [channel = '', client = ''] = key.split(' ');
      const isHere = here.get(channel)?.has(client) === true;
      types.forEach((type, index) => assert.equal(type, index % 2 === 0 ? 'join' : 'leave', `${key}: ${types.join()}`));
      assert.equal(types.at(-1), isHere ? 'join' : 'leave', `${key}: ${types.join()}`);
    }
    for (const [channel, clients] of here) {
      for (const client of clients) assert.ok(this.#events.has(`${channel} ${client}`), `no join of ${client}`);
    }
  }

  async #calm(): Promise<void> {
    this.#isDeaf = false;
    await this.#recover();
    for (const edge of this.#edges) edge.state = 'alive';
    for (let half = 0; half < 8; half++) {
      await this.#passHalf();
    }
  }

  async #passHalf(): Promise<void> {
    this.#clockMs += leaseMs / 2;
    await this.#beat();
    await this.#look();
  }

  #edge(index: number): Edge {
    const edge = this.#edges[index % this.#edges.length];
    if (edge === undefined) throw new RangeError('no edge');
    return edge;
  }

  async #newNode(index: number): Promise<PresenceNode> {
    const node: PresenceNode = new PresenceNode(this.#store, {
      node: `n${index}`,
      about: () => Buffer.alloc(0),
      onRejoined: (channel, { client }, outcome) => this.#did(this.#announce(node, { channel, client }, outcome)),
      onError: () => undefined,
      now: () => this.#clockMs,
    });
    this.#all.push(node);
    await node.run();
    return node;
  }

  async #join(edge: Edge, seat: Seat): Promise<void> {
    if (edge.state === 'frozen') return;
    edge.seats.push(seat);
    const { node } = edge;
    const join = async (): Promise<void> => {
      await this.#announce(node, seat, await node.join(seat.channel, member(seat.client)));
    };
    this.#did(join());
    await this.#settled();
  }

  /** Somebody leaves; `again`: and comes back at once, as the same client. */
  async #moveSeat(edge: Edge, which: number, again: boolean): Promise<void> {
    const seat = edge.seats[which % Math.max(1, edge.seats.length)];
    if (edge.state === 'frozen' || seat === undefined) return;
    edge.seats.splice(edge.seats.indexOf(seat), 1);
    const { node } = edge;
    const leave = async (): Promise<void> => {
      const left = await node.leave(seat.channel, seat.client);
      if (left === undefined) return;
      this.#publishLeave(left);
      await node.settle(left);
    };
    this.#did(leave());
    if (again) return this.#join(edge, seat);
    await this.#settled();
  }

  /**
   * The store knows the edge's members again. Of who dies, or is frozen until it is buried, between a flush and the next heartbeat nobody could
   * know: the reaper finds none of those who were there before, and the node takes their leaves for the reaper's.
   */
  async #remembered(edge: Edge): Promise<void> {
    if (edge.isForgotten) await this.#recover();
    if (edge.isForgotten) await edge.node.beat();
  }

  async #crash(index: number): Promise<void> {
    const edge = this.#edge(index);
    await this.#remembered(edge);
    await this.#settled();
    await edge.node.stop();
    edge.seats = [];
    edge.state = 'alive';
    edge.isForgotten = false;
    edge.node = await this.#newNode(index);
  }

  async #flush(): Promise<void> {
    // Of who died or is frozen nobody could know any more.
    await this.#calm();
    this.#memory = new MemoryPresence({ now: () => this.#clockMs });
    for (const edge of this.#edges) edge.isForgotten = true;
  }

  async #recover(): Promise<void> {
    this.#isAway = false;
    await this.#beat();
    await this.#settled();
  }

  async #beat(): Promise<void> {
    for (const edge of this.#edges) {
      if (edge.state !== 'alive') continue;
      await edge.node.beat();
      edge.isForgotten &&= this.#isAway;
    }
    await this.#settled();
  }

  async #look(): Promise<void> {
    await this.#reaper.look().catch(() => undefined);
    await this.#settled();
  }

  async #announce(node: PresenceNode, seat: Seat, { fresh, leave }: ChangeOutcome): Promise<void> {
    if (leave !== undefined) this.#publishLeave(leave);
    if (fresh) this.#publish('join', seat);
    if (leave !== undefined) await node.settle(leave);
  }

  #publishLeave(leave: Leave): void {
    if (this.#ids.first(leave.id)) this.#publish('leave', leave);
  }

  #publish(type: string, { channel, client }: Seat): void {
    const key = `${channel} ${client}`;
    this.#events.set(key, [...(this.#events.get(key) ?? []), type]);
  }

  #did(work: Promise<void>): void {
    const done: Promise<void> = work.catch(() => undefined).finally(() => this.#work.delete(done));
    this.#work.add(done);
  }

  /** What was asked for is done, unless the store is away. A frozen node has asked for nothing. */
  async #settled(): Promise<void> {
    if (this.#isAway) return;
    const isIdle = (): boolean => this.#work.size === 0 && this.#edges.every(({ node }) => node.waiting === 0);
    for (let turn = 0; turn < 20 && !isIdle(); turn++) await new Promise((resolve) => setImmediate(resolve));
    if (!isIdle()) await eventually(() => (isIdle() ? true : undefined), 'rest');
  }

  /** The store as nodes and reaper see it: away at times, over other connections, and emptied. */
  #door(): PresenceStore {
    const away = (): PresenceError => new PresenceError('unavailable', 'as the model wants it');
    return new Proxy<PresenceStore>(this.#memory, {
      get: (_target, name) => {
        if (name === 'session') return this.#session;
        const value = Reflect.get(this.#memory, name, this.#memory) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (!this.#isAway) return Reflect.apply(value, this.#memory, args) as unknown;
          return name === 'change' ? Promise.resolve((args[0] as unknown[]).map(away)) : Promise.reject(away());
        };
      },
    });
  }
}
