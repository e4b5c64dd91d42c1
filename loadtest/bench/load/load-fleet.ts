import { type Child, ProcessGroup } from '../frame/child.ts';
import type { Answer, LoadCommands, Member, Movements, OpenParams, PublisherSpec } from './clients/commands.ts';
import type { Measured } from './measure/gate.ts';
import { Tally } from './measure/tally.ts';
import type { Size } from './scenario.ts';

export interface FleetOptions {
  readonly urls: readonly string[];
  /** Taken in turns; none: clients connect without one. */
  readonly tokens: readonly string[];
  /** What the names of channels begin with, the namespace included. */
  readonly prefix: string;
  /** Processes that share the clients. */
  readonly processes: number;
  /** How many clients begin in a second, where a scenario doesn't say. */
  readonly connectRate: number;
}

type OpenOptions = Partial<Pick<OpenParams, 'perSecond' | 'joinLeave' | 'once' | 'timeoutMs'>>;

const defaultOpen = { joinLeave: false, once: false, timeoutMs: 60_000 };
/** For those that have to come back first. */
const settleTimeoutMs = 30_000;

/** Clients and publishers in processes of their own; what they have counted is added up before it is judged. */
export class LoadFleet {
  readonly #options: FleetOptions;
  readonly #group: ProcessGroup;
  readonly #children: readonly Child<LoadCommands>[];
  #clients = 0;
  #waves = 0;

  private constructor(options: FleetOptions, group: ProcessGroup, children: readonly Child<LoadCommands>[]) {
    this.#options = options;
    this.#group = group;
    this.#children = children;
  }

  static async start(options: FleetOptions): Promise<LoadFleet> {
    const group = new ProcessGroup();
    try {
      const names = Array.from({ length: options.processes }, () => 'load-clients' as const);
      const children = await Promise.all(names.map((name) => group.start<LoadCommands>(name)));
      return new LoadFleet(options, group, children);
    } catch (error) {
      await group.stop();
      throw error;
    }
  }

  channels(count: number): string[] {
    return Array.from({ length: count }, (_, index) => `${this.#options.prefix}${index}`);
  }

  /** Clients come; resolves with how many are in, when all are, or the time is up. */
  async open({ clients, channels }: Pick<Size, 'clients' | 'channels'>, options: OpenOptions = {}): Promise<number> {
    const { urls, tokens, connectRate } = this.#options;
    const all = { perSecond: connectRate, ...defaultOpen, ...options, urls, tokens, channels: this.channels(channels) };
    const begin = this.#clients;
    this.#clients += clients;
    const share = Math.ceil(clients / this.#children.length);
    const counts = await Promise.all(
      this.#children.map((child, index) => {
        const from = Math.min(clients, index * share);
        const to = Math.min(clients, from + share);
        const perSecond = all.perSecond / this.#children.length;
        return child.call('open', { ...all, from: begin + from, to: begin + to, perSecond });
      }),
    );
    return counts.reduce((sum, one) => sum + one.in, 0);
  }

  /** One publisher for each channel begins; who is in is to have everything from the first number on. */
  async publish({ channels, perSecond, padBytes }: Pick<Size, 'channels' | 'perSecond' | 'padBytes'>): Promise<void> {
    const wave = this.#waves++;
    const publishers: PublisherSpec[] = this.channels(channels).map((channel, index) => ({
      name: `p${wave}-${index}`,
      channel,
      perSecond: perSecond / channels,
    }));
    await this.#all((child) => child.call('expect', { publishers }));
    const { urls, tokens } = this.#options;
    await this.#all((child, index) => {
      const own = publishers.filter((_, number) => number % this.#children.length === index);
      return child.call('publish', { urls, tokens, publishers: own, padBytes });
    });
  }

  async pace({ channels, perSecond }: Pick<Size, 'channels' | 'perSecond'>): Promise<void> {
    await this.#all((child) => child.call('pace', { perSecond: perSecond / channels }));
  }

  /** Stops publishing; resolves with how many publications haven't come to who should have them. */
  async settle(): Promise<number> {
    const published = (await this.#all((child) => child.call('stopPublishing'))).flat();
    const missing = await this.#all((child) => child.call('missing', { published, timeoutMs: settleTimeoutMs }));
    return missing.reduce((sum, one) => sum + one, 0);
  }

  /** Settles and adds up what was counted. */
  async finish(figures: Readonly<Record<string, number>> = {}): Promise<Measured> {
    const missing = await this.settle();
    return { tally: await this.tally(), figures: { ...figures, missing, generatorBusy: await this.busy() } };
  }

  async tally(): Promise<Tally> {
    const sum = new Tally();
    for (const one of await this.#all((child) => child.call('tally'))) sum.merge(one);
    return sum;
  }

  /** Forgets what was counted so far. */
  async reset(): Promise<void> {
    await this.#all((child) => child.call('reset'));
  }

  /** The most that a second of a generator's event loop was in use. */
  async busy(): Promise<number> {
    return Math.max(...(await this.#all((child) => child.call('counts'))).map(({ busy }) => busy));
  }

  /** All clients lose their connections at once. */
  async cut(): Promise<void> {
    await this.#all((child) => child.call('cut'));
  }

  /** Resolves with the number of those that have come back since `cut`, when `share` of all have, or the time is up. */
  async returned(share: number, timeoutMs: number): Promise<number> {
    const each = Math.ceil((share * this.#clients) / this.#children.length);
    const counts = await this.#all((child) => child.call('returned', { count: each, timeoutMs }));
    return counts.reduce((sum, one) => sum + one, 0);
  }

  /** Of each process, the first `count` clients in all stop or go on reading. */
  async reading(count: number, on: boolean): Promise<void> {
    const each = Math.ceil(count / this.#children.length);
    await this.#all((child) => child.call('reading', { from: 0, to: each, on }));
  }

  /** Clients come and go; resolves with those that have been in. */
  async churn(params: {
    readonly channels: number;
    readonly perSecond: number;
    readonly seconds: number;
    readonly stayMs: number;
  }): Promise<Member[]> {
    const { urls, tokens } = this.#options;
    const perSecond = params.perSecond / this.#children.length;
    const all = { ...params, perSecond, urls, tokens, channels: this.channels(params.channels) };
    return (await this.#all((child) => child.call('churn', all))).flat();
  }

  /** How often clients were told of the joins and leaves of these. */
  async movements(members: readonly Member[]): Promise<Movements> {
    const ids = members.map(({ id }) => id);
    const all = await this.#all((child) => child.call('movements', { ids }));
    const sum = (of: (one: Movements) => number): number => all.reduce((total, one) => total + of(one), 0);
    return { joins: sum((one) => one.joins), leaves: sum((one) => one.leaves) };
  }

  /** Over a connection of its own, to the edge with this number. */
  ask(method: string, params: object, edge = 0): Promise<Answer> {
    const { urls, tokens } = this.#options;
    const url = urls[edge % urls.length] as string;
    return (this.#children[0] as Child<LoadCommands>).call('ask', { url, token: tokens[0], method, params });
  }

  async leave(): Promise<void> {
    this.#clients = 0;
    await this.#all((child) => child.call('leave'));
  }

  async stop(): Promise<void> {
    await this.#group.stop();
  }

  #all<T>(work: (child: Child<LoadCommands>, index: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#children.map((child, index) => work(child, index)));
  }
}
