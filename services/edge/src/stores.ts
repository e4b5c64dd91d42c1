import type { RedisAccessConfig } from '@pharos/config';
import { type HistoryStore, RedisHistory } from '@pharos/history';
import { type PresenceStore, RedisPresence } from '@pharos/presence';
import type { RedisClient } from '@pharos/redis';
import { redisClient } from '@pharos/service';
import type { Logger, Metrics } from '@pharos/telemetry';

/** The stores that an edge asks, where there are any. */
export interface EdgeStores {
  readonly history?: HistoryStore;
  readonly presence?: PresenceStore;
  /** The connection that they share, where they are in Redis: for others in this process. */
  readonly redis?: RedisClient;
  /** After the edge has stopped. */
  close(): Promise<void>;
}

/** Those in the Redis that the configuration names; none without a URL. An edge starts whether Redis is there or not. */
export function redisStores(config: RedisAccessConfig, logger: Logger, metrics: Metrics): EdgeStores {
  if (config.url === undefined) return noStores;
  const without = 'until it can there is no presence, and what memory does not hold is not recovered';
  const client = redisClient(config, logger, without, metrics);
  const history = new RedisHistory(client, { keyPrefix: config.prefix });
  const presence = new RedisPresence(client, { keyPrefix: config.prefix });
  return {
    history,
    presence,
    redis: client,
    async close(): Promise<void> {
      await history.close();
      await presence.close();
      client.close();
    },
  };
}

const noStores: EdgeStores = { close: () => Promise.resolve() };
