import { strict as assert } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';

import { type Cluster, verifyPresenceOf, withCluster } from '../cluster.ts';
import { describeVerdict } from '../fleet.ts';
import type { Scenario, ScenarioContext, ScenarioFigures } from '../scenario.ts';
import type { ServiceNode } from '../service-node.ts';

export interface RollingOptions extends Pick<ScenarioContext, 'progress'> {
  /** How long all is well before the first edge, between them, and after the last, under load. */
  readonly calmMs: number;
}

const drainMs = 10_000;
const sampleMs = 500;

/** Both edges are replaced one after the other, as a deploy does it. */
export const rolling: Scenario = {
  name: 'rolling',
  title: 'rolling restart of two edges under load: SIGTERM, drain, a new process; the other one takes all clients',
  defaults: { rounds: 3, clients: 2_000 },
  run: ({ rounds, clients, progress }) =>
    withCluster({ drainMs, fleet: rollingLoad(clients) }, async (cluster) => {
      let figures: ScenarioFigures = {};
      for (let turn = 0; turn < rounds; turn++) {
        progress(`round ${turn + 1} of ${rounds}`);
        figures = await rollingRestart(cluster, { calmMs: 5_000, progress });
      }
      const { faults: _, ...counts } = await cluster.fleet.settle();
      return { rounds, clients, ...figures, ...counts, ...(await verifyPresenceOf(cluster)) };
    }),
};

/** Sixteen channels with ten publications a second in each; the clients of both makes spread over them, and all are told of joins and leaves. */
function rollingLoad(clients: number): {
  channels: number;
  sdkClients: number;
  rawClients: number;
  perSecond: number;
} {
  const sdkClients = Math.ceil(clients / 4);
  return { channels: 16, sdkClients, rawClients: clients - sdkClients, perSecond: 10 };
}

/** Restarts each edge while publications flow; then everybody has to have everything. @throws Error with the faults */
export async function rollingRestart(cluster: Cluster, options: RollingOptions): Promise<ScenarioFigures> {
  const { rig, fleet } = cluster;
  const { calmMs, progress } = options;
  await fleet.spread();
  await fleet.publish();
  // Load is time, not an event: these are the stretches of the run.
  await delay(calmMs);
  const drains: Drain[] = [];
  for (const edge of rig.of('edge')) {
    const others = rig.of('edge').filter((one) => one !== edge);
    const drain = await drained(edge, others);
    progress(`${edge.name}: gone in ${drain.ms} ms, at most ${drain.mostConnects} connects a second at the other`);
    drains.push(drain);
    await edge.start();
    await delay(calmMs);
  }
  const verdict = await fleet.settle();
  progress(describeVerdict(verdict).split('\n', 1)[0] ?? '');
  if (verdict.faultCount > 0) throw new Error(`rolling restart: ${describeVerdict(verdict)}`);
  return {
    drainMs: Math.max(...drains.map(({ ms }) => ms)),
    connectsPerSecond: Math.max(...drains.map(({ meanConnects }) => meanConnects)),
    mostConnectsPerSecond: Math.max(...drains.map(({ mostConnects }) => mostConnects)),
  };
}

interface Drain {
  readonly ms: number;
  /** Of the others, a second, while clients came. */
  readonly meanConnects: number;
  readonly mostConnects: number;
}

/** SIGTERM: resolves when the process has ended, as it should. */
async function drained(edge: ServiceNode, others: readonly ServiceNode[]): Promise<Drain> {
  const start = performance.now();
  const over = new AbortController();
  const ending = edge.stop().then((code) => {
    over.abort();
    assert.equal(code, 0, `exit code of ${edge.name}`);
    return Math.round(performance.now() - start);
  });
  // Seen below; meanwhile it isn't forgotten.
  ending.catch(() => undefined);
  const rates: number[] = [];
  let before = await connectsOf(others);
  let at = performance.now();
  while (!over.signal.aborted) {
    await delay(sampleMs);
    const now = performance.now();
    const count = await connectsOf(others);
    if (count > before) rates.push(((count - before) * 1_000) / (now - at));
    before = count;
    at = now;
  }
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / Math.max(1, rates.length);
  return { ms: await ending, meanConnects: Math.round(mean), mostConnects: Math.round(Math.max(0, ...rates)) };
}

async function connectsOf(nodes: readonly ServiceNode[]): Promise<number> {
  const counts = await Promise.all(nodes.map((node) => node.metric('pharos_edge_connections_opened_total')));
  return counts.reduce((sum, count) => sum + count, 0);
}
