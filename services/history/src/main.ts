import { RedisHistory } from '@pharos/history';
import { RedisClient } from '@pharos/redis';
import { type MainOptions, newIdentity, pulsarBus, readConfig, redisOptions, runService } from '@pharos/service';
import { createLogger, type InternalServer, Metrics, startInternalServer } from '@pharos/telemetry';

import { type HistoryConfig, historyConfigSchema } from './config.ts';
import { HistoryService } from './history-service.ts';

const dayMs = 86_400_000;

/** The service `history`. Resolves when it has stopped. @throws ConfigError, and what keeps it from starting */
export async function main(options: MainOptions): Promise<void> {
  const config = readConfig(historyConfigSchema(), options);
  const logger = createLogger({ name: 'history', level: config.log_level });
  const identity = newIdentity(config.name);
  const metrics = new Metrics();
  const bus = pulsarBus(config.pulsar, identity, logger);
  const client = RedisClient.start(redisOptions(config.redis), (error) => {
    logger.error({ err: error }, 'Redis can not be used yet: nothing is written until it can');
  });
  client.onConnection((connected) => {
    if (connected) logger.info('connected to Redis');
    else logger.warn('the connection to Redis was lost');
  });
  const store = new RedisHistory(client, { keyPrefix: config.redis.prefix, idleLaneTtlMs: idleLaneTtlMs(config) });
  const service = new HistoryService({
    channel: config.channel,
    queueBytes: config.history.queue_max_size,
    identity,
    bus,
    store,
    logger,
    metrics,
  });
  let internal: InternalServer | undefined;
  await runService(
    {
      run: async () => {
        const { listen } = config.internal;
        if (listen !== undefined) {
          internal = await startInternalServer({
            ...listen,
            registry: metrics.registry,
            isReady: () => service.readiness(),
            onError: (error) => logger.error({ err: error }, 'the internal listener failed'),
          });
          logger.info({ internalPort: internal.port }, `history ${identity.name} starts`);
        }
        await service.run();
      },
      drain: () => service.drain(),
      stop: async () => {
        await service.stop();
        await store.close();
        client.close();
        await bus.close();
        await internal?.stop();
      },
    },
    config.drain_timeout,
    logger,
  );
}

/** A lane is remembered for longer than any of its channels, or their positions would be forgotten with it. */
function idleLaneTtlMs({ channel }: HistoryConfig): number {
  const longest = [channel.without_namespace, ...channel.namespaces].map((options) => options.history_meta_ttl);
  return Math.max(90 * dayMs, 2 * Math.max(...longest));
}
