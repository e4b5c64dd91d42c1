import { Rig, type RigOptions } from '../chaos/rig.ts';
import { type EdgeSample, metricIn, sampleOf } from './measure/edge-sample.ts';

/** What is loaded: a cluster that is there, or one of processes that was started for it. */
export interface Target {
  readonly urls: readonly string[];
  /** Of edges, for figures of their own; none where they aren't known. */
  readonly metricsUrls: readonly string[];
  /** What was started; undefined where it is somebody else's. */
  readonly rig: Rig | undefined;
  stop(): Promise<void>;
}

export function givenTarget(urls: readonly string[], metricsUrls: readonly string[]): Target {
  return { urls, metricsUrls, rig: undefined, stop: () => Promise.resolve() };
}

/** Two edges, history and presence on a Pulsar and a Redis, all real processes. */
export async function ownTarget(options: Partial<RigOptions> = {}): Promise<Target> {
  const rig = await Rig.start({ edges: 2, history: 1, presence: 1, drainMs: 5_000, ...options });
  return targetOf(rig);
}

function targetOf(rig: Rig): Target {
  const metricsUrls = rig.of('edge').map(({ metricsUrl }) => metricsUrl);
  const stop = async (): Promise<void> => {
    const wrong = await rig.stop();
    if (wrong.length > 0) throw new Error(wrong.join('; '));
  };
  return { urls: rig.endpoints, metricsUrls, rig, stop };
}

/** All edges together. @throws Error where one doesn't answer */
export async function sampleTarget(target: Target): Promise<EdgeSample> {
  const samples = (await pages(target)).map((text) => sampleOf(text));
  const sum = (of: (one: EdgeSample) => number): number => samples.reduce((total, one) => total + of(one), 0);
  return {
    heapBytes: sum((one) => one.heapBytes),
    rssBytes: sum((one) => one.rssBytes),
    descriptors: sum((one) => one.descriptors),
    connections: sum((one) => one.connections),
  };
}

/** Connections that the edges have ended because they read too slowly. */
export async function slowConnectionsOf(target: Target): Promise<number> {
  const counts = (await pages(target)).map((text) => metricIn(text, 'pharos_edge_slow_connections_total'));
  return counts.reduce((sum, count) => sum + count, 0);
}

function pages({ metricsUrls }: Target): Promise<string[]> {
  return Promise.all(metricsUrls.map(async (url) => (await fetch(url)).text()));
}
