import { RedisPresence } from '@pharos/presence';
import { type MainOptions, readConfig, serveWorker } from '@pharos/service';

import { type PresenceConfig, presenceConfigSchema } from './config.ts';
import { PresenceService } from './presence-service.ts';

/** The service `presence`. Resolves when it has stopped. @throws ConfigError, and what keeps it from starting */
export async function main(options: MainOptions): Promise<void> {
  const reread = (): PresenceConfig => readConfig(presenceConfigSchema(), options);
  const config = reread();
  await serveWorker<PresenceConfig>({
    name: 'presence',
    config,
    reread,
    env: options.env,
    withoutRedis: 'nobody is taken for dead until it can',
    create: ({ client, ...parts }) => {
      const store = new RedisPresence(client, { keyPrefix: config.redis.prefix });
      const { channel, presence, pulsar } = config;
      const times = { leaseMs: presence.lease, publishTimeoutMs: pulsar.publish_timeout };
      return { store, service: new PresenceService({ ...parts, store, channel, ...times }) };
    },
  });
}
