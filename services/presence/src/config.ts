import { type ChannelConfig, channelSection, leaseDuration } from '@pharos/channels';
import { duration, type RedisAccessConfig, redisSection, z } from '@pharos/config';
import {
  defaultInternalListen,
  publishTimeout,
  type PulsarConfig,
  pulsarFields,
  type ServiceConfig,
  serviceFields,
} from '@pharos/service';

export interface PresenceConfig extends ServiceConfig {
  readonly drain_timeout: number;
  readonly pulsar: PulsarConfig & { readonly publish_timeout: number };
  readonly redis: RedisAccessConfig;
  readonly presence: { readonly lease: number };
  readonly channel: ChannelConfig;
}

/** The service's whole configuration. Times are milliseconds once read. */
export function presenceConfigSchema(): z.ZodType<PresenceConfig> {
  return z.strictObject({
    ...serviceFields(defaultInternalListen),
    drain_timeout: duration({ maxMs: 3_600_000 })
      .default(10_000)
      .describe('Time for what is under way at SIGTERM; what is left another replica finds, or the next start.'),
    pulsar: z.strictObject({
      ...pulsarFields(true),
      publish_timeout: publishTimeout('How long one try to publish a leave may wait for the log.'),
    }),
    redis: redisSection(true),
    presence: z.strictObject({ lease: leaseDuration() }),
    channel: channelSection({ open: false }),
  }) as unknown as z.ZodType<PresenceConfig>;
}
