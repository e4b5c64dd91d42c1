import { setTimeout as delay } from 'node:timers/promises';

import { PresenceNode, Reaper, RedisPresence } from '@pharos/presence';
import { RedisClient } from '@pharos/redis';
import { startRedis, unavailable } from '@pharos/testkit';

import type { Figure, FigureContext, FigureOutcome, FigureResult } from '../frame/figure.ts';
import { type Pair, type Sample, summarise } from '../frame/pairs.ts';

const nodeCount = 4;
const large = 100_000;
const small = 10;
const users = 50_000;
/** Of nodes that renew every 3 s and a reaper that looks every 2 s: 80 renewals and 30 looks of two commands are 140. */
const commandsAMinute = 150;
const questions = 200;

interface Fleet {
  readonly nodes: readonly PresenceNode[];
  readonly store: RedisPresence;
  readonly client: RedisClient;
}

/** What presence costs where a channel is large: at rest, and to be counted. */
export const presence: Figure = {
  id: 'PRES',
  title: `stats of a channel of ${large} members over ${nodeCount} nodes ÷ of one of ${small}; Redis commands a minute at rest`,
  measure: measurePresence,
};

async function measurePresence(context: FigureContext): Promise<FigureOutcome> {
  const missing = unavailable('redis');
  if (missing !== false) return { results: [], skipped: [{ id: 'PRES', reason: missing }] };
  const server = await startRedis({ settings: { 'maxmemory-policy': 'noeviction' } });
  const clients: RedisClient[] = [];
  const connect = async (): Promise<RedisClient> => {
    const client = await RedisClient.open({ mode: 'standalone', address: { host: '127.0.0.1', port: server.port } });
    clients.push(client);
    return client;
  };
  const nodes: PresenceNode[] = [];
  try {
    for (let index = 0; index < nodeCount; index++) nodes.push(await startNode(index, await connect()));
    const client = await connect();
    const fleet: Fleet = { nodes, store: new RedisPresence(client), client };
    const members = context.quick ? large / 10 : large;
    context.progress(`PRES: ${members} members join`);
    await fill(fleet, 'large', members);
    await fill(fleet, 'small', small);
    const stats = await statsFigure(context, fleet, members);
    const rest = await restFigure(context, fleet, context.quick ? 6_000 : 30_000);
    return { results: [stats, rest], skipped: [] };
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
    for (const client of clients) client.close();
    await server.stop();
  }
}

async function startNode(index: number, client: RedisClient): Promise<PresenceNode> {
  const node = new PresenceNode(new RedisPresence(client), {
    node: `node-${index}`,
    about: () => Buffer.from('{}'),
    onRejoined: () => undefined,
    onError: (error) => {
      throw error;
    },
  });
  await node.run();
  return node;
}

async function fill({ nodes }: Fleet, channel: string, count: number): Promise<void> {
  const share = nodes.map(async (node, at) => {
    const joins = [];
    for (let index = at; index < count; index += nodes.length) {
      const member = { client: `client-${channel}-${index}`, user: `user-${index % users}`, info: Buffer.alloc(0) };
      joins.push(node.join(channel, member));
    }
    await Promise.all(joins);
  });
  await Promise.all(share);
}

async function statsFigure(context: FigureContext, { store }: Fleet, members: number): Promise<FigureResult> {
  const time = async (channel: string, expected: number): Promise<Sample> => {
    const times: number[] = [];
    let right = 0;
    for (let question = 0; question < questions; question++) {
      const from = performance.now();
      const { clients } = await store.stats(channel);
      times.push(performance.now() - from);
      if (clients === expected) right++;
    }
    times.sort((a, b) => a - b);
    return sample(times[times.length >> 1] ?? 0, right === questions);
  };
  await time('small', small);
  const pairs: Pair[] = [];
  for (let pair = 0; pair < context.pairs; pair++) {
    pairs.push({ pharos: await time('large', members), floor: await time('small', small) });
  }
  const what = `time of presence_stats, ${members} members over ${nodeCount} nodes ÷ ${small} members`;
  return summarise({ id: 'PRES-stats', what, unit: 'ms', reach: 2 }, pairs);
}

/** The nodes' own timers and a reaper's, whatever the members. */
async function restFigure(context: FigureContext, { client, store }: Fleet, windowMs: number): Promise<FigureResult> {
  const reaper = new Reaper(store, { publish: () => Promise.resolve(), onError: () => undefined });
  await reaper.run();
  const processed = async (): Promise<number> => {
    const stats = String(await client.command('INFO', 'stats'));
    return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]);
  };
  const pairs: Pair[] = [];
  for (let pair = 0; pair < Math.min(context.pairs, 2); pair++) {
    const before = await processed();
    const from = performance.now();
    await delay(windowMs);
    // Less the one that asks.
    const commands = (await processed()) - before - 1;
    const aMinute = (commands * 60_000) / (performance.now() - from);
    pairs.push({ pharos: sample(aMinute, commands > 0), floor: sample(commandsAMinute, true) });
  }
  await reaper.stop();
  const what = `Redis commands a minute at rest, ${nodeCount} nodes and a reaper, ÷ ${commandsAMinute}`;
  return summarise({ id: 'PRES-rest', what, unit: 'commands/min', reach: 1 }, pairs);
}

/** An answer that was wrong makes the figure void, as a lost delivery would. */
function sample(value: number, isRight: boolean): Sample {
  return { value, checked: { deliveries: 1, frames: 1, lost: isRight ? 0 : 1, duplicated: 0, reordered: 0 } };
}
