import { type ChannelConfig, channelSection } from '@pharos/channels';
import type { Bus, Log } from '@pharos/bus';
import { loadConfig, z } from '@pharos/config';
import type { HistoryStore, LaneId, StoredLane } from '@pharos/history';
import { newIdentity } from '@pharos/service';
import { createLogger, createRegistry, Metrics } from '@pharos/telemetry';
import { eventually } from '@pharos/testkit';

import { HistoryService } from '../../src/history-service.ts';

export interface TestHistory {
  readonly service: HistoryService;
  /** What it logged, one JSON object a line. */
  readonly log: string[];
  /** The value of a metric, summed over all label sets that have these labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
}

export function channels(namespaces: readonly object[]): ChannelConfig {
  const schema = z.strictObject({ channel: channelSection({ open: false }) });
  const env = { PHAROS_CHANNEL_NAMESPACES: JSON.stringify(namespaces) };
  return loadConfig(schema, { env }).channel as ChannelConfig;
}

/** The service in this process; not yet run. */
export function makeHistory(
  bus: Bus,
  store: HistoryStore,
  channel: ChannelConfig,
  more: { readonly queueBytes?: number; readonly lookMs?: number } = {},
): TestHistory {
  const log: string[] = [];
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  const service = new HistoryService({
    channel,
    queueBytes: more.queueBytes ?? 128 * 1024 * 1024,
    ...(more.lookMs === undefined ? {} : { lookMs: more.lookMs }),
    identity: newIdentity('test'),
    bus,
    store,
    logger: createLogger({
      name: 'history',
      level: 'debug',
      format: 'json',
      destination: { write: (line) => void log.push(line) },
    }),
    metrics,
  });
  return {
    service,
    log,
    async metric(name, labels = {}): Promise<number> {
      const all = await metrics.registry.getMetricsAsJSON();
      const values = all.find((each) => each.name === name)?.values ?? [];
      const wanted = values.filter((value) =>
        Object.entries(labels).every(([label, text]) => (value.labels as Record<string, unknown>)[label] === text),
      );
      return wanted.reduce((sum, { value }) => sum + value, 0);
    },
  };
}

export function laneOf(log: Log, lane = 0): LaneId {
  return { log: log.topic, epoch: log.epoch, lane };
}

/** Resolves when the store has all of the lane up to its newest message now. */
export async function untilWritten(log: Log, store: HistoryStore, lane = 0): Promise<StoredLane> {
  const probe = await log.attach(lane, { entry: () => undefined });
  const { head } = probe;
  await probe.close();
  return untilWatermark(store, laneOf(log, lane), head);
}

export async function untilWatermark(store: HistoryStore, lane: LaneId, offset: number): Promise<StoredLane> {
  return eventually(async () => {
    const state = await store.state(lane);
    return state !== undefined && state.watermark >= offset ? state : undefined;
  }, `the store has lane ${lane.lane} up to ${offset}`);
}
