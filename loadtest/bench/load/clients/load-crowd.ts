import { setTimeout as delay } from 'node:timers/promises';

import { Tally } from '../measure/tally.ts';
import type { ChurnParams, Counts, LoadCommands, Member, Movements, OpenParams, Published } from './commands.ts';
import { LoadClient } from './load-client.ts';
import { Publisher } from './publisher.ts';

const tickMs = 10;
const busyWindowMs = 1_000;
/** States of clients are many small events: who waits for a number of them looks this often. */
const lookMs = 20;

/** All clients and publishers of a process. */
export class LoadCrowd {
  readonly #clients: LoadClient[] = [];
  readonly #publishers: Publisher[] = [];
  readonly #tally: Tally = new Tally();
  /** How often clients were told of them, by id. */
  readonly #moves = { join: new Map<string, number>(), leave: new Map<string, number>() };
  #in = 0;
  #busy = 0;
  #pacer: NodeJS.Timeout | undefined;

  readonly commands: Omit<LoadCommands, 'ask'> = {
    open: (params) => this.#open(params),
    expect: ({ publishers }) => {
      for (const client of this.#clients) {
        if (!client.isIn) continue;
        for (const { name, channel } of publishers) if (channel === client.channel) client.expect(name);
      }
    },
    publish: (params) => this.#publish(params),
    pace: ({ perSecond }) => {
      for (const publisher of this.#publishers) publisher.perSecond = perSecond;
    },
    stopPublishing: async () => {
      clearInterval(this.#pacer);
      return (await Promise.all(this.#publishers.splice(0).map((publisher) => publisher.finish()))).flat();
    },
    missing: ({ published, timeoutMs }) => this.#missing(published, timeoutMs),
    cut: () => {
      for (const client of this.#clients) client.cut();
    },
    returned: async ({ count, timeoutMs }) => {
      const { return: times } = this.#tally.durations;
      await this.#until(() => times.count >= count, timeoutMs);
      return times.count;
    },
    reading: ({ from, to, on }) => {
      for (const client of this.#clients.slice(from, to)) client.read(on);
    },
    churn: (params) => this.#churn(params),
    movements: ({ ids }) => this.#movements(ids),
    leave: async () => {
      for (const client of this.#clients.splice(0)) client.leave();
      await this.#until(() => this.#in === 0, 10_000);
    },
    counts: () => this.#counts(),
    tally: () => this.#tally.toJSON(),
    reset: () => {
      this.#tally.reset();
      this.#busy = 0;
    },
  };

  constructor() {
    this.#watchOwnLoop();
  }

  async #open(params: OpenParams): Promise<Counts> {
    const { from, to, perSecond, timeoutMs } = params;
    const clients = Array.from({ length: to - from }, (_, index) => this.#client(params, from + index));
    const first = this.#clients.length;
    this.#clients.push(...clients);
    const begin = performance.now();
    for (let begun = 0; begun < clients.length; ) {
      const due = Math.min(clients.length, Math.ceil(((performance.now() - begin + tickMs) / 1_000) * perSecond));
      for (; begun < due; begun++) clients[begun]?.connect();
      await delay(tickMs);
    }
    const mine = this.#clients.slice(first);
    const isAnswered = params.once
      ? (): boolean => mine.every((client) => !client.isComing)
      : (): boolean => mine.every((client) => client.isIn);
    await this.#until(isAnswered, timeoutMs);
    return this.#counts();
  }

  #client({ urls, tokens, channels, joinLeave, once }: Omit<OpenParams, 'from' | 'to'>, index: number): LoadClient {
    return new LoadClient({
      channel: channels[index % channels.length] as string,
      // Clients of a channel are spread over all edges.
      url: (attempt) => urls[(Math.floor(index / channels.length) + index + attempt) % urls.length] as string,
      token: tokenOf(tokens, index),
      joinLeave,
      once,
      tally: this.#tally,
      moved: (kind, id) => this.#moves[kind].set(id, (this.#moves[kind].get(id) ?? 0) + 1),
      changed: (isIn) => (this.#in += isIn ? 1 : -1),
    });
  }

  async #publish({ urls, tokens, publishers, padBytes }: Parameters<LoadCommands['publish']>[0]): Promise<void> {
    for (const [index, spec] of publishers.entries()) {
      const publisher = new Publisher(spec, {
        url: (attempt) => urls[(index + attempt) % urls.length] as string,
        token: tokenOf(tokens, index),
        padBytes,
        tally: this.#tally,
      });
      publisher.connect();
      this.#publishers.push(publisher);
    }
    await this.#until(() => this.#publishers.every((publisher) => publisher.isReady), readyTimeoutMs);
    let before = performance.now();
    clearInterval(this.#pacer);
    this.#pacer = setInterval(() => {
      const now = performance.now();
      for (const publisher of this.#publishers) publisher.tick(now - before);
      before = now;
    }, tickMs);
  }

  async #missing(published: readonly Published[], timeoutMs: number): Promise<number> {
    const byChannel = new Map<string, Published[]>();
    for (const one of published) byChannel.set(one.channel, [...(byChannel.get(one.channel) ?? []), one]);
    const missing = (): number => {
      let count = 0;
      for (const client of this.#clients) {
        for (const { session, acknowledged } of byChannel.get(client.channel) ?? []) {
          count += client.behind(session, acknowledged);
        }
      }
      return count;
    };
    await this.#until(() => missing() === 0, timeoutMs);
    for (const client of this.#clients) {
      for (const { session, unknown } of byChannel.get(client.channel) ?? []) client.excuse(session, unknown);
    }
    return missing();
  }

  async #churn({ perSecond, seconds, stayMs, ...params }: ChurnParams): Promise<Member[]> {
    const begin = performance.now();
    const stays: Promise<Member | undefined>[] = [];
    const all = Math.floor(perSecond * seconds);
    while (stays.length < all) {
      const due = Math.min(all, Math.ceil(((performance.now() - begin + tickMs) / 1_000) * perSecond));
      while (stays.length < due) stays.push(this.#stay(params, stays.length, stayMs));
      await delay(tickMs);
    }
    return (await Promise.all(stays)).filter((member) => member !== undefined);
  }

  async #stay(
    params: Pick<OpenParams, 'urls' | 'tokens' | 'channels'>,
    index: number,
    stayMs: number,
  ): Promise<Member | undefined> {
    const all = { ...params, perSecond: 0, joinLeave: false, once: true, timeoutMs: 0 };
    const client = this.#client(all, index);
    client.connect();
    await this.#until(() => !client.isComing, readyTimeoutMs);
    const member = client.isIn ? { id: client.id, channel: client.channel } : undefined;
    await delay(stayMs);
    client.leave();
    return member;
  }

  #movements(ids: readonly string[]): Movements {
    const sum = (counts: ReadonlyMap<string, number>): number =>
      ids.reduce((total, id) => total + (counts.get(id) ?? 0), 0);
    return { joins: sum(this.#moves.join), leaves: sum(this.#moves.leave) };
  }

  #counts(): Counts {
    return { clients: this.#clients.length, in: this.#in, busy: this.#busy };
  }

  #watchOwnLoop(): void {
    let before = performance.eventLoopUtilization();
    setInterval(() => {
      const now = performance.eventLoopUtilization();
      this.#busy = Math.max(this.#busy, performance.eventLoopUtilization(now, before).utilization);
      before = now;
    }, busyWindowMs);
  }

  /** Resolves when it is so, or after the time. */
  async #until(isSo: () => boolean, timeoutMs: number): Promise<void> {
    const giveUpAt = performance.now() + timeoutMs;
    while (!isSo() && performance.now() < giveUpAt) await delay(lookMs);
  }
}

const readyTimeoutMs = 30_000;

function tokenOf(tokens: readonly string[], index: number): string | undefined {
  return tokens.length === 0 ? undefined : tokens[index % tokens.length];
}
