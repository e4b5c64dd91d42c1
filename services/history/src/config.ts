import { type ChannelConfig, channelSection } from '@pharos/channels';
import { bytes, duration, type RedisAccessConfig, redisSection, z } from '@pharos/config';
import {
  defaultInternalListen,
  type PulsarConfig,
  pulsarFields,
  type ServiceConfig,
  serviceFields,
  tailSubscription,
  type TailSubscription,
} from '@pharos/service';

export interface HistoryConfig extends ServiceConfig {
  readonly drain_timeout: number;
  readonly pulsar: PulsarConfig & { readonly tail_subscription: TailSubscription };
  readonly redis: RedisAccessConfig;
  readonly history: { readonly queue_max_size: number };
  readonly channel: ChannelConfig;
}

/** The service's whole configuration. Times are milliseconds once read, sizes bytes. */
export function historyConfigSchema(): z.ZodType<HistoryConfig> {
  return z.strictObject({
    ...serviceFields(defaultInternalListen),
    drain_timeout: duration({ maxMs: 3_600_000 })
      .default(10_000)
      .describe('Time for writing what is under way at SIGTERM, before others take over.'),
    pulsar: z.strictObject({
      ...pulsarFields(true),
      tail_subscription: tailSubscription(),
    }),
    redis: redisSection(true),
    history: historySection(),
    channel: channelSection({ open: false }),
  }) as unknown as z.ZodType<HistoryConfig>;
}

function historySection(): z.ZodType {
  return z
    .strictObject({
      queue_max_size: bytes({ minBytes: 1024 * 1024 })
        .default(defaultQueueBytes)
        .describe('What may wait for the store, over all lanes; beyond it no more is read from the log.'),
    })
    .describe('How the history service works.');
}

export const defaultQueueBytes: number = 128 * 1024 * 1024;
