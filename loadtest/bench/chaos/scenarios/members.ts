import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { Asker } from '../../clients/asker.ts';
import type { Attendance, MemberCommands, SeatCommands } from '../../clients/commands.ts';
import { userToken } from '../../clients/token.ts';
import type { Caller } from '../../frame/caller.ts';
import { type Child, ProcessGroup } from '../../frame/child.ts';
import { cpuMicros, descriptorLimit, rssBytes } from '../../frame/proc.ts';
import { percentile, spreadOf } from '../../frame/statistics.ts';
import { Places, sharesOf } from '../places.ts';
import { commandCounts, own } from '../redis-admin.ts';
import { Rig } from '../rig.ts';
import type { Scenario, ScenarioContext, ScenarioFigures } from '../scenario.ts';

/** What of a run isn't the number of members. */
export interface MembersOptions {
  readonly leaseMs: number;
  /** How long nobody comes, goes or asks, and the cost is taken. */
  readonly restMs: number;
  /** Of each channel, in each of five rounds. */
  readonly questions: number;
  /** Members that an edge takes by WebSockets. @default as many as it has descriptors for */
  readonly socketsPerEdge?: number;
}

const large = 'everybody';
const small = 'a-few';
const few = 10;
const edges = 4;
/** Of a process: what it needs of descriptors besides its members. */
const otherDescriptors = 1_000;
/** More in one process would be too slow to answer pings, and each has a port of its process's address. */
const maxMembersPerProcess = 19_000;
const timingRounds = 5;
const pollMs = 100;
const goneTimeoutMs = 120_000;

/** One channel with everybody in it. */
export const members: Scenario = {
  name: 'members',
  title:
    'everybody in one channel with presence, over 4 edges: what it costs at rest, time of stats, kill -9 of an edge',
  defaults: { rounds: 1, clients: 100_000 },
  run: (context) => crowdOfMembers(context, { leaseMs: 10_000, restMs: 60_000, questions: 200 }),
};

export async function crowdOfMembers(context: ScenarioContext, options: MembersOptions): Promise<ScenarioFigures> {
  const { clients: count, rounds, progress } = context;
  const secret = randomBytes(16).toString('hex');
  const { socketsPerEdge = Math.max(few, descriptorLimit() - otherDescriptors) } = options;
  const places = new Places(count, edges, socketsPerEdge);
  const rig = await Rig.start({
    edges,
    seating: places.seated > 0,
    history: 0,
    presence: 1,
    leaseMs: options.leaseMs,
    // What joins and leaves cost to push is n² and told apart.
    channel: { join_leave: false },
    edge: {
      client: {
        token: { hmac_secret_key: secret },
        // Clients and edges share one machine's processors: who answers late isn't gone.
        ping_interval: '1m',
        pong_timeout: '50s',
        // By default it is what there are descriptors for.
        connection_limit: sharesOf(count, edges, 0) + otherDescriptors,
      },
    },
  });
  try {
    const { bySocket, seated } = places;
    progress(`${edges} edges with ${descriptorLimit()} descriptors each, for members by WebSockets ${socketsPerEdge}`);
    progress(`${bySocket} members by WebSockets, ${seated} seated in the processes of edges: ${tellPlaces(places)}`);
    let figures: ScenarioFigures = {};
    for (let round = 0; round < rounds; round++) {
      figures = await new MembersRun(rig, places, { count, secret, progress, ...options }).run();
      for (const edge of rig.of('edge')) if (!edge.isRunning) await edge.start();
    }
    return figures;
  } finally {
    assert.deepEqual(await rig.stop(), []);
  }
}

interface RunOptions extends MembersOptions, Pick<ScenarioContext, 'progress'> {
  readonly count: number;
  readonly secret: string;
}

interface Stats {
  readonly num_clients?: number;
  readonly num_users?: number;
}

/** Everybody comes, rests, is counted; an edge dies; everybody goes. */
class MembersRun {
  readonly #rig: Rig;
  readonly #places: Places;
  readonly #options: RunOptions;
  readonly #processes = new ProcessGroup();
  readonly #crowds: Child<MemberCommands>[] = [];
  /** Half of them have two connections. */
  readonly #users: number;

  constructor(rig: Rig, places: Places, options: RunOptions) {
    this.#rig = rig;
    this.#places = places;
    this.#options = options;
    this.#users = Math.ceil((options.count * 2) / 3);
  }

  async run(): Promise<ScenarioFigures> {
    const { count, secret } = this.#options;
    try {
      const entered = await this.#enter();
      const [edge] = this.#rig.of('edge');
      await this.#assertAttendance();
      const asker = await Asker.open(edge?.url ?? '', userToken('asker', secret));
      await this.#assertStats(asker, everyone(count));
      const connections = await this.#connections();
      const rest = await this.#rest();
      const questions = await this.#ask(asker);
      const killed = await this.#kill(asker);
      const left = await this.#leave(asker);
      asker.close();
      const { bySocket, seated } = this.#places;
      const who = { members: count, edges, bySocket, seated, users: this.#users };
      return { ...who, ...connections, ...entered, ...rest, ...questions, ...killed, ...left };
    } finally {
      await this.#processes.stop();
    }
  }

  async #enter(): Promise<ScenarioFigures> {
    const { count, secret, progress } = this.#options;
    const { bySocket, seated } = this.#places;
    const perProcess = Math.min(maxMembersPerProcess, descriptorLimit() - otherDescriptors);
    const common = { users: this.#users, secret };
    const urls = this.#rig.endpoints;
    const start = performance.now();
    const entering: Promise<{ retries: number }>[] = [];
    for (let from = 0; from < bySocket; from += perProcess) {
      const crowd = await this.#processes.start<MemberCommands>('member-clients');
      this.#crowds.push(crowd);
      const localAddress = `127.0.0.${this.#crowds.length + 1}`;
      const to = Math.min(bySocket, from + perProcess);
      entering.push(crowd.call('enter', { ...common, channel: large, from, to, every: 1, urls, localAddress }));
    }
    for (const [at, edge] of seated === 0 ? [] : this.#rig.of('edge').entries()) {
      const from = bySocket + at;
      entering.push(edge.seats.call('enter', { ...common, channel: large, from, to: count, every: edges }));
    }
    const retries = (await Promise.all(entering)).reduce((sum, one) => sum + one.retries, 0);
    const enterSeconds = secondsSince(start);
    const [first] = this.#crowds;
    const localAddress = '127.0.0.2';
    await first?.call('enter', { ...common, channel: small, from: 0, to: few, every: 1, urls, localAddress });
    progress(`${count} members in ${enterSeconds} s`);
    return { enterSeconds, enterRetries: retries };
  }

  /** As edges count them, so that nobody is anywhere but where he is said to be. */
  async #connections(): Promise<ScenarioFigures> {
    const nodes = this.#rig.of('edge');
    const connections = await Promise.all(nodes.map((edge) => edge.metric('pharos_edge_connections')));
    const perEdge = this.#places.perEdge();
    // The asker is on the first.
    const expected = perEdge.map((places, at) => {
      return places.bySocket + places.seated + sharesOf(few, edges, at) + (at === 0 ? 1 : 0);
    });
    assert.deepEqual(connections, expected, 'connections of edges');
    const descriptors = await Promise.all(nodes.map((edge) => edge.metric('process_open_fds')));
    return {
      bySocketPerEdge: perEdge.map(({ bySocket }) => bySocket).join(' '),
      seatedPerEdge: perEdge.map(({ seated }) => seated).join(' '),
      edgeConnections: connections.join(' '),
      edgeDescriptors: descriptors.join(' '),
    };
  }

  /** Edges and Redis while nothing happens but pings and leases. */
  async #rest(): Promise<ScenarioFigures> {
    const { restMs, leaseMs, progress } = this.#options;
    // Until what came with the members is over.
    await delay(leaseMs);
    const port = this.#rig.redis?.port ?? 0;
    const nodes = this.#rig.of('edge');
    const before = await commandCounts(port);
    const cpuBefore = nodes.map(({ pid }) => cpuMicros(pid));
    const start = performance.now();
    await delay(restMs);
    const ms = performance.now() - start;
    const cpu = nodes.map(({ pid }, at) => (cpuMicros(pid) - (cpuBefore[at] ?? 0)) / (ms * 10));
    const after = await commandCounts(port);
    const calls = [...after]
      .map(([name, calls]) => [name, calls - (before.get(name) ?? 0)] as const)
      .filter(([name, calls]) => calls > 0 && !own.has(name));
    const aMinute = calls.reduce((sum, [, count]) => sum + count, 0) * (60_000 / ms);
    const rss = nodes.map(({ pid }) => rssBytes(pid) / 2 ** 20);
    const figures = {
      restSeconds: Math.round(ms / 1_000),
      redisCommandsAMinute: Math.round(aMinute),
      redisCalls: calls.map(([name, count]) => `${name}=${count}`).join(' '),
      edgeRssMiB: rss.map((one) => Math.round(one)).join(' '),
      edgeCpuPercent: cpu.map((one) => one.toFixed(1)).join(' '),
    };
    progress(`at rest: ${figures.redisCommandsAMinute} commands a minute`);
    return figures;
  }

  /** By turns, so that what else happens on the machine meets both channels. */
  async #ask(asker: Asker): Promise<ScenarioFigures> {
    const { questions, count, progress } = this.#options;
    const channels = [
      { channel: large, clients: count, times: [] as number[] },
      { channel: small, clients: few, times: [] as number[] },
    ] as const;
    const [many, some] = channels;
    for (const { channel } of channels) await asker.ask('presence_stats', { channel });
    const ratios: number[] = [];
    for (let round = 0; round < timingRounds; round++) {
      const from = many.times.length;
      for (let question = 0; question < questions; question++) {
        for (const { channel, clients, times } of channels) {
          const { ms, result } = await asker.ask<Stats>('presence_stats', { channel });
          assert.equal(result?.num_clients, clients, `members of ${channel}`);
          times.push(ms);
        }
      }
      ratios.push(percentile(many.times.slice(from), 50) / percentile(some.times.slice(from), 50));
    }
    const ratio = spreadOf(ratios);
    const whole = await asker.ask<{ presence?: object }>('presence', { channel: large });
    const figures = {
      statsRatio: round(ratio.median),
      statsRatioMin: round(ratio.min),
      statsRatioMax: round(ratio.max),
      ...timesOf('statsLarge', many.times),
      ...timesOf('statsSmall', some.times),
      presenceOfAll: whole.code === 0 ? `${Object.keys(whole.result?.presence ?? {}).length}` : `error ${whole.code}`,
      presenceOfAllMs: round(whole.ms),
    };
    progress(`stats: ratio ${figures.statsRatio}; presence of all: ${figures.presenceOfAll}`);
    return figures;
  }

  /** kill -9 of the last edge: its members are out of answers after a lease, and out of the counts once they are reaped. */
  async #kill(asker: Asker): Promise<ScenarioFigures> {
    const { count, leaseMs, progress } = this.#options;
    const dead = edges - 1;
    const living = everyone(count).filter((index) => index % edges !== dead);
    const livingOfFew = everyone(few).filter((index) => index % edges !== dead);
    const killedAt = performance.now();
    await this.#rig.of('edge')[dead]?.kill();
    const outOfAnswersMs = await this.#until(killedAt, 'answers without the dead', async () => {
      const { result } = await asker.ask<{ presence?: object }>('presence', { channel: small });
      return Object.keys(result?.presence ?? {}).length === livingOfFew.length;
    });
    const outOfCountsMs = await this.#until(killedAt, 'counts without the dead', async () => {
      const { result } = await asker.ask<Stats>('presence_stats', { channel: large });
      return result?.num_clients === living.length;
    });
    progress(`kill -9: out of answers after ${outOfAnswersMs} ms, out of counts after ${outOfCountsMs} ms`);
    await this.#assertStats(asker, living);
    // Who is alive isn't taken for dead afterwards either.
    await delay(2 * leaseMs);
    await this.#assertStats(asker, living);
    await this.#assertAttendance(dead);
    const killedSeated = this.#places.perEdge()[dead]?.seated ?? 0;
    return { killed: count - living.length, killedSeated, outOfAnswersMs, outOfCountsMs };
  }

  async #leave(asker: Asker): Promise<ScenarioFigures> {
    const start = performance.now();
    for (const membership of [...this.#crowds, ...this.#seatings()]) await membership.call('leave');
    const everybodyLeftMs = await this.#until(start, 'an empty channel', async () => {
      const { result } = await asker.ask<Stats>('presence_stats', { channel: large });
      return (result?.num_clients ?? 0) === 0;
    });
    await this.#assertStats(asker, []);
    return { everybodyLeftMs };
  }

  /** Edges that have members in their own processes, as far as they run. */
  #seatings(): Caller<SeatCommands>[] {
    if (this.#places.seated === 0) return [];
    const running = this.#rig.of('edge').filter(({ isRunning }) => isRunning);
    return running.map(({ seats }) => seats);
  }

  /** What clients say: nobody has lost his connection but who came to the edge that died. Who was seated there died with it, and says nothing. */
  async #assertAttendance(dead?: number): Promise<void> {
    const sockets = await Promise.all(this.#crowds.map((crowd) => crowd.call('count')));
    const seats = await Promise.all(this.#seatings().map((seating) => seating.call('count')));
    const places = this.#places.perEdge();
    const gone = dead === undefined ? 0 : (places[dead]?.bySocket ?? 0) + sharesOf(few, edges, dead);
    const present = this.#places.bySocket + few - gone;
    assert.deepEqual(sumOf(sockets), { present, lost: gone }, 'members by WebSockets');
    const seated = this.#places.seated === 0 ? [] : places.filter((_, at) => at !== dead);
    const expected = seated.map((edge) => ({ present: edge.seated, lost: 0 }));
    assert.deepEqual(seats, expected, 'members that are seated in living edges');
  }

  async #assertStats(asker: Asker, present: readonly number[]): Promise<void> {
    const { result } = await asker.ask<Stats>('presence_stats', { channel: large });
    const users = new Set(present.map((index) => index % this.#users)).size;
    const counted = { clients: result?.num_clients ?? 0, users: result?.num_users ?? 0 };
    assert.deepEqual(counted, { clients: present.length, users });
  }

  /** Milliseconds from `start` until `isSo`. */
  async #until(start: number, what: string, isSo: () => Promise<boolean>): Promise<number> {
    while (!(await isSo())) {
      if (performance.now() - start > goneTimeoutMs) throw new Error(`no ${what} in ${goneTimeoutMs} ms`);
      await delay(pollMs);
    }
    return Math.round(performance.now() - start);
  }
}

function sumOf(attendances: readonly Attendance[]): Attendance {
  const present = attendances.reduce((sum, one) => sum + one.present, 0);
  return { present, lost: attendances.reduce((sum, one) => sum + one.lost, 0) };
}

function tellPlaces(places: Places): string {
  return places
    .perEdge()
    .map(({ bySocket, seated }) => `${bySocket} + ${seated}`)
    .join(', ');
}

function everyone(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function timesOf(name: string, times: readonly number[]): ScenarioFigures {
  return {
    [`${name}P50Ms`]: round(percentile(times, 50)),
    [`${name}P99Ms`]: round(percentile(times, 99)),
    [`${name}MaxMs`]: round(percentile(times, 100)),
  };
}

function round(value: number): number {
  return Number(value.toFixed(3));
}

function secondsSince(start: number): number {
  return Math.round((performance.now() - start) / 100) / 10;
}
