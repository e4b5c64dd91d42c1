import { strict as assert } from 'node:assert';

import type { CutSummary } from '../../clients/commands.ts';
import { cpuMicros } from '../../frame/proc.ts';
import { Fleet } from '../fleet.ts';
import { sentSegments } from '../network.ts';
import { commandCounts, own, quiet } from '../redis-admin.ts';
import { Rig } from '../rig.ts';
import type { Scenario, ScenarioContext, ScenarioFigures } from '../scenario.ts';
import type { ServiceNode } from '../service-node.ts';

const openLanes = 16;
/** Into each lane, so that its ring holds nothing else. */
const fillersPerLane = 100;
const fillerBytes = 4_000;
/** Everybody in channels that are busy: what was missed lies in memory. */
export const stormBusy: Scenario = {
  name: 'storm-busy',
  title: 'all clients of one edge cut at once, in 100 busy channels, and resumed on another edge from memory',
  defaults: { rounds: 1, clients: 10_000 },
  run: (context) => storm(context, 'busy'),
};

/** Everybody in a channel of their own, quiet for longer than memory reaches: what was missed lies in the store. */
export const stormQuiet: Scenario = {
  name: 'storm-quiet',
  title: 'the same with a channel for each client, quiet for longer than the ring, resumed from the store',
  defaults: { rounds: 1, clients: 10_000 },
  run: (context) => storm(context, 'quiet'),
};

export async function storm(
  { rounds, clients, progress }: ScenarioContext,
  kind: 'busy' | 'quiet',
): Promise<ScenarioFigures> {
  const ring = kind === 'busy' ? {} : { ring: { max_lane_size: '64KiB' } };
  // Presence would be written for everybody who comes back: what resuming itself costs is the question.
  const channel = { presence: false, join_leave: false };
  const rig = await Rig.start({ edges: 2, history: 1, presence: 0, lanes: openLanes, edge: ring, channel });
  try {
    const channels = Array.from({ length: kind === 'busy' ? 100 : clients }, (_, index) => `storm-${index}`);
    // All of them at the first edge.
    const [first, second] = rig.of('edge') as [ServiceNode, ServiceNode];
    const fleet = await Fleet.open(rig, {
      channels,
      sdkClients: 0,
      rawClients: clients,
      perSecond: 1,
      at: [first.url],
    });
    try {
      progress(`${clients} clients at ${first.name} in ${channels.length} channels`);
      await fleet.publishEach(first.url, channels, 'before');
      let figures: ScenarioFigures = {};
      for (let turn = 0; turn < rounds; turn++) {
        const target = turn % 2 === 0 ? second : first;
        figures = await cutAndResume({ rig, fleet, channels, target, turn, kind });
        progress(
          Object.entries(figures)
            .map(([name, value]) => `${name} ${value}`)
            .join(', '),
        );
      }
      await fleet.publishEach(first.url, channels, 'after');
      const { faults: _, ...counts } = await fleet.settle();
      return { ...figures, ...counts };
    } finally {
      await fleet.stop();
    }
  } finally {
    await rig.stop();
  }
}

interface Turn {
  readonly rig: Rig;
  readonly fleet: Fleet;
  readonly channels: readonly string[];
  readonly target: ServiceNode;
  readonly turn: number;
  readonly kind: 'busy' | 'quiet';
}

/** While everybody is away something is published into each channel; nothing else moves when they come back. */
async function cutAndResume({ rig, fleet, channels, target, turn, kind }: Turn): Promise<ScenarioFigures> {
  const redis = rig.redis?.port ?? 0;
  const brokerPort = Number(new URL(rig.pulsar.serviceUrl).port);
  await fleet.raw.call('cutOff', { share: 1, endpoints: [target.url] });
  await fleet.publishEach(target.url, channels, `missed-${turn}`);
  if (kind === 'quiet') await fill(fleet, target.url, turn);
  await quiet(redis);
  const before = await measure(target, redis, brokerPort);
  const summary = await fleet.raw.call('comeBack');
  const after = await measure(target, redis, brokerPort);
  assert.equal(summary.notRecovered, 0, 'clients that were not recovered');
  return figuresOf(summary, before, after);
}

/** Publications of channels that nobody is in push everything else out of the rings. */
async function fill(fleet: Fleet, url: string, turn: number): Promise<void> {
  const fillers = Array.from({ length: openLanes * fillersPerLane }, (_, index) => `filler-${index}`);
  const params = { endpoint: url, channels: fillers, tag: `filler-${turn}`, padBytes: fillerBytes };
  await fleet.sdk.call('publishEach', params);
}

interface Measured {
  readonly cpuMicros: number;
  readonly redisCommands: ReadonlyMap<string, number>;
  readonly brokerSegments: number | undefined;
}

async function measure(edge: ServiceNode, redisPort: number, brokerPort: number): Promise<Measured> {
  const redisCommands = await commandCounts(redisPort);
  return { cpuMicros: cpuMicros(edge.pid), redisCommands, brokerSegments: sentSegments(edge.pid, brokerPort) };
}

function figuresOf(summary: CutSummary, before: Measured, after: Measured): ScenarioFigures {
  const { clients, recovered, refusals, p50Ms, p99Ms, maxMs } = summary;
  const calls = [...after.redisCommands].flatMap(([name, count]) => {
    const more = count - (before.redisCommands.get(name) ?? 0);
    return own.has(name) || more === 0 ? [] : [[name, more] as const];
  });
  // What scripts call within Redis is counted there too, and is no round trip.
  const scripts = calls.reduce((sum, [name, count]) => (name.startsWith('eval') ? sum + count : sum), 0);
  const segments =
    after.brokerSegments === undefined || before.brokerSegments === undefined
      ? 'unknown: ss is not installed'
      : after.brokerSegments - before.brokerSegments;
  return {
    clients,
    recovered,
    refusals,
    p50Ms,
    p99Ms,
    maxMs,
    cpuMicrosPerResume: Math.round((after.cpuMicros - before.cpuMicros) / clients),
    redisScripts: scripts,
    redisScriptsPerResume: Number((scripts / clients).toFixed(4)),
    redisCalls: calls.map(([name, count]) => `${name}=${count}`).join(' '),
    pulsarSegmentsSent: segments,
  };
}
