import { randomUUID } from 'node:crypto';

import { type LaneId, type NewEntry, RedisHistory } from '@pharos/history';
import { PresenceNode, RedisPresence } from '@pharos/presence';
import { RedisClient } from '@pharos/redis';
import { type RedisServer, startRedis, unavailable } from '@pharos/testkit';

import type { Figure, FigureContext, FigureOutcome, FigureResult } from '../frame/figure.ts';
import { type Pair, type Sample, summarise } from '../frame/pairs.ts';

const id = 'REDIS';
const historyPayloadBytes = 200;
/** As an edge's batches, and as many questions as one connection bears. */
const atOnce = 500;
/** They are counted by the allocator, and hardly differ. */
const memoryPairs = 3;
const hourMs = 3_600_000;

export interface RedisMemorySize {
  readonly channels: number;
  /** Of each channel, beside the first one. */
  readonly messages: number;
  readonly members: number;
}

const fullSize: RedisMemorySize = { channels: 1_000, messages: 100, members: 50 };
const quickSize: RedisMemorySize = { ...fullSize, channels: 200 };

/** What Redis needs for history and presence. */
export const redisMemory: Figure = {
  id,
  title:
    'memory of Redis for each message of history and each member of presence ÷ bare streams and hashes of the same',
  measure: (context) => measureRedisMemory(context, context.quick ? quickSize : fullSize),
};

/** Something that fills Redis: first with one thing for each channel, then with more for each. */
interface Filling {
  /** What the store needs once, whatever comes into it. */
  prepare(): Promise<void>;
  one(): Promise<void>;
  more(): Promise<void>;
  /** Whether all of it is there. */
  check(): Promise<boolean>;
  end(): Promise<void>;
}

type Fill = (client: RedisClient, size: RedisMemorySize) => Filling;

interface Kind {
  readonly name: string;
  readonly of: string;
  readonly pharos: Fill;
  readonly floor: Fill;
  readonly more: (size: RedisMemorySize) => number;
  readonly reach: { readonly each: number; readonly channel: number };
}

const clientProperties = new Map([['pharos-client', randomUUID()]]);

const kinds: readonly Kind[] = [
  {
    name: 'message',
    of: `message of ${historyPayloadBytes} B in history`,
    pharos: (client, size) => history(client, size, new Map()),
    floor: bareStreams,
    more: ({ messages }) => messages,
    reach: { each: 1.5, channel: 3 },
  },
  {
    name: 'published',
    of: `message of ${historyPayloadBytes} B in history that a client published`,
    pharos: (client, size) => history(client, size, clientProperties),
    floor: bareStreams,
    more: ({ messages }) => messages,
    reach: { each: 2, channel: 3 },
  },
  {
    name: 'member',
    of: 'member in presence, each another user',
    pharos: presence,
    floor: bareHashes,
    more: ({ members }) => members,
    reach: { each: 10, channel: 10 },
  },
];

export async function measureRedisMemory(context: FigureContext, size: RedisMemorySize): Promise<FigureOutcome> {
  const missing = unavailable('redis');
  if (missing !== false) return { results: [], skipped: [{ id, reason: missing }] };
  const server = await startRedis({ settings: { 'maxmemory-policy': 'noeviction' } });
  try {
    const results: FigureResult[] = [];
    for (const kind of kinds) results.push(...(await measureKind(context, size, kind, server)));
    return { results, skipped: [] };
  } finally {
    await server.stop();
  }
}

async function measureKind(
  context: FigureContext,
  size: RedisMemorySize,
  kind: Kind,
  server: RedisServer,
): Promise<FigureResult[]> {
  const pairs: { each: Pair; channel: Pair }[] = [];
  const count = Math.min(context.pairs, memoryPairs);
  for (let round = 0; round < count; round++) {
    const pharos = await measure(server, size, kind.more(size), kind.pharos);
    const floor = await measure(server, size, kind.more(size), kind.floor);
    const told = `${pharos.each.value.toFixed(0)} B, bare ${floor.each.value.toFixed(0)} B`;
    context.progress(`${id}: ${kind.name}, round ${round + 1} of ${count}: ${told}`);
    pairs.push({
      each: { pharos: pharos.each, floor: floor.each },
      channel: { pharos: pharos.channel, floor: floor.channel },
    });
  }
  const { channels } = size;
  const span = `${channels} channels, slope of 1 to ${1 + kind.more(size)} in each`;
  const first = `memory of Redis per channel with one, less that one, ${kind.of}, ${channels} channels`;
  return [
    summarise(
      { id: `${id}-${kind.name}`, what: `memory of Redis per ${kind.of}, ${span}`, unit: 'B', reach: kind.reach.each },
      pairs.map(({ each }) => each),
    ),
    summarise(
      { id: `${id}-${kind.name}-channel`, what: first, unit: 'B', reach: kind.reach.channel },
      pairs.map(({ channel }) => channel),
    ),
  ];
}

async function measure(
  server: RedisServer,
  { channels, ...size }: RedisMemorySize,
  more: number,
  fill: Fill,
): Promise<{ each: Sample; channel: Sample }> {
  await server.restart();
  const client = await RedisClient.open({ mode: 'standalone', address: { host: '127.0.0.1', port: server.port } });
  const filling = fill(client, { channels, ...size });
  try {
    await filling.prepare();
    const empty = await usedMemory(client);
    await filling.one();
    const withOne = await usedMemory(client);
    await filling.more();
    const full = await usedMemory(client);
    const isRight = await filling.check();
    const each = (full - withOne) / (channels * more);
    const checked = { deliveries: channels, frames: channels, lost: isRight ? 0 : 1, duplicated: 0, reordered: 0 };
    return { each: { value: each, checked }, channel: { value: (withOne - empty) / channels - each, checked } };
  } finally {
    await filling.end();
    client.close();
  }
}

/** What is allocated, without what the allocator keeps beside it. */
async function usedMemory(client: RedisClient): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(String(await client.command('INFO', 'memory')))?.[1]);
}

function channelOf(index: number): string {
  return `room:${index}`;
}

/** Calls of Redis, some at a time. */
async function each(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  const next = Array.from({ length: count }, (_, index) => index).values();
  const worker = async (): Promise<void> => {
    for (const index of next) await work(index);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function history(client: RedisClient, size: RedisMemorySize, properties: ReadonlyMap<string, string>): Filling {
  const store = new RedisHistory(client);
  const lane: LaneId = { log: 'persistent://public/default/bench', epoch: 'bench.1', lane: 0 };
  const limits = { size: size.messages + 1, ttlMs: hourMs, metaTtlMs: 24 * hourMs };
  const data = Buffer.alloc(historyPayloadBytes, 'x');
  let offset = 0;
  const entryFor = (channel: string): NewEntry => {
    offset++;
    return { kind: 'publication', channel, offset, timeMs: Date.now(), data, properties, limits };
  };
  /** One into each channel in turn, as they come in a log. */
  const append = async (channels: readonly string[]): Promise<void> => {
    for (let from = 0; from < channels.length; from += atOnce) {
      const previous = offset;
      const entries = channels.slice(from, from + atOnce).map(entryFor);
      const outcome = await store.append(lane, { previous, watermark: offset, entries });
      if (!outcome.written) throw new Error('the store refused a batch');
    }
  };
  const all = Array.from({ length: size.channels }, (_, index) => channelOf(index));
  return {
    prepare: async () => {
      await store.rebuild(lane, 0, undefined);
      await append(['the scripts are loaded by then']);
    },
    one: () => append(all),
    more: async () => {
      for (let message = 0; message < size.messages; message++) await append(all);
    },
    check: async () => {
      const page = await store.history(lane, channelOf(size.channels - 1), { limits });
      return page?.publications.length === size.messages + 1 && page.top === offset;
    },
    end: () => store.close(),
  };
}

/** Streams of nothing but the payloads. */
function bareStreams(client: RedisClient, { channels, messages }: RedisMemorySize): Filling {
  const data = Buffer.alloc(historyPayloadBytes, 'x');
  const add = (message: number): Promise<void> =>
    each(channels, (channel) => client.command('XADD', channelOf(channel), `${message}-0`, 'd', data));
  return {
    prepare: () => Promise.resolve(),
    one: () => add(1),
    more: async () => {
      for (let message = 2; message <= messages + 1; message++) await add(message);
    },
    check: async () => Number(await client.command('XLEN', channelOf(channels - 1))) === messages + 1,
    end: () => Promise.resolve(),
  };
}

/** A client's id and its user's, as tokens have them. */
function memberOf(channel: number, index: number): { client: string; user: string } {
  return { client: randomUUID(), user: `user-${100_000 + channel}-${index}` };
}

function presence(client: RedisClient, { channels, members }: RedisMemorySize): Filling {
  const store = new RedisPresence(client);
  const node = new PresenceNode(store, {
    node: 'edge-0',
    about: () => Buffer.from('{}'),
    onRejoined: () => undefined,
    onError: (error) => {
      throw error;
    },
  });
  const join = (channel: string, member: { client: string; user: string }): Promise<unknown> =>
    node.join(channel, { ...member, info: Buffer.alloc(0) });
  const joinAll = (from: number, count: number): Promise<void> =>
    each(channels * count, (number) => {
      const channel = number % channels;
      return join(channelOf(channel), memberOf(channel, from + Math.floor(number / channels)));
    });
  return {
    prepare: async () => {
      await node.run();
      await join('the scripts are loaded by then', memberOf(channels, 0));
    },
    one: () => joinAll(0, 1),
    more: () => joinAll(1, members),
    check: async () => (await store.stats(channelOf(channels - 1))).clients === members + 1,
    end: () => node.stop(),
  };
}

/** Hashes of nothing but who is there, and who that is. */
function bareHashes(client: RedisClient, { channels, members }: RedisMemorySize): Filling {
  const add = (index: number): Promise<void> =>
    each(channels, (channel) => {
      const member = memberOf(channel, index);
      return client.command('HSET', channelOf(channel), member.client, member.user);
    });
  return {
    prepare: () => Promise.resolve(),
    one: () => add(0),
    more: async () => {
      for (let index = 1; index <= members; index++) await add(index);
    },
    check: async () => Number(await client.command('HLEN', channelOf(channels - 1))) === members + 1,
    end: () => Promise.resolve(),
  };
}
