import type { TestContext } from 'node:test';
import type { Bus } from '@pharos/bus';
import { createLogger, createRegistry, type Logger, Metrics } from '@pharos/telemetry';
import { LivingLog } from '@pharos/channels';
import { EdgeMetrics } from '../../src/metrics.ts';
import { ChannelNumbers } from '../../src/outbound/channel-numbers.ts';
import { Flusher } from '../../src/outbound/flusher.ts';
import { LaneFeed } from '../../src/outbound/lane-feed.ts';
import { Rings } from '../../src/outbound/rings.ts';
import { SlowSweep } from '../../src/outbound/slow-sweep.ts';
import { RecordingServer } from './fakes.ts';

export interface TestOutbound {
  readonly server: RecordingServer;
  readonly metrics: EdgeMetrics;
  readonly sweep: SlowSweep;
  readonly flusher: Flusher;
  readonly numbers: ChannelNumbers;
  readonly rings: Rings;
  readonly logger: Logger;
  readonly lines: string[];
}

/** The outbound side without sockets: what it would publish is recorded. */
export function testOutbound(t: TestContext): TestOutbound {
  const lines: string[] = [];
  const logger = createLogger({
    name: 'edge',
    level: 'debug',
    format: 'json',
    destination: { write: (line) => void lines.push(line) },
  });
  const server = new RecordingServer();
  const metrics = new EdgeMetrics(new Metrics(createRegistry({ processMetrics: false })));
  const sweep = new SlowSweep(1000);
  const flusher = new Flusher(server, sweep, metrics);
  const rings = new Rings({ maxLaneBytes: 1_000_000, maxBytes: 10_000_000, maxAgeMs: 60_000 });
  t.after(() => {
    flusher.stop();
    sweep.stop();
    rings.stop();
  });
  return { server, metrics, sweep, flusher, numbers: new ChannelNumbers(), rings, logger, lines };
}

export interface TestFeed extends TestOutbound {
  readonly feed: LaneFeed;
  readonly log: LivingLog;
  readonly gauge: (name: 'lanesAttached' | 'lanesConnected' | 'channels' | 'subscriptions') => Promise<number>;
}

/** The feed of lane 0 of a log, on its own. */
export async function testFeed(
  t: TestContext,
  bus: Bus,
  topic = 'persistent://public/default/chat',
): Promise<TestFeed> {
  const outbound = testOutbound(t);
  const log = await LivingLog.open(bus, { topic });
  const feed = new LaneFeed(log, 0, outbound);
  t.after(async () => {
    await feed.close();
    await bus.close();
  });
  return {
    ...outbound,
    feed,
    log,
    gauge: async (name) => (await outbound.metrics[name].get()).values[0]?.value ?? 0,
  };
}
