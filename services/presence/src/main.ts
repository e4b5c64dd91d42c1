import { RedisPresence } from '@pharos/presence';
import { RedisClient } from '@pharos/redis';
import { type MainOptions, newIdentity, pulsarBus, readConfig, redisOptions, runService } from '@pharos/service';
import { createLogger, type InternalServer, Metrics, startInternalServer } from '@pharos/telemetry';

import { presenceConfigSchema } from './config.ts';
import { PresenceService } from './presence-service.ts';

/** The service `presence`. Resolves when it has stopped. @throws ConfigError, and what keeps it from starting */
export async function main(options: MainOptions): Promise<void> {
  const config = readConfig(presenceConfigSchema(), options);
  const logger = createLogger({ name: 'presence', level: config.log_level });
  const identity = newIdentity(config.name);
  const metrics = new Metrics();
  const bus = pulsarBus(config.pulsar, identity, logger);
  const client = RedisClient.start(redisOptions(config.redis), (error) => {
    logger.error({ err: error }, 'Redis can not be used yet: nobody is taken for dead until it can');
  });
  client.onConnection((connected) => {
    if (connected) logger.info('connected to Redis');
    else logger.warn('the connection to Redis was lost');
  });
  const store = new RedisPresence(client, { keyPrefix: config.redis.prefix });
  const service = new PresenceService({
    channel: config.channel,
    leaseMs: config.presence.lease,
    publishTimeoutMs: config.pulsar.publish_timeout,
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
          logger.info({ internalPort: internal.port }, `presence ${identity.name} starts`);
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
