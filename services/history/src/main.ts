import { RedisHistory } from '@pharos/history';
import { type MainOptions, readConfig, serveWorker } from '@pharos/service';

import { type HistoryConfig, historyConfigSchema } from './config.ts';
import { HistoryService } from './history-service.ts';

const dayMs = 86_400_000;

/** The service `history`. Resolves when it has stopped. @throws ConfigError, and what keeps it from starting */
export async function main(options: MainOptions): Promise<void> {
  const reread = (): HistoryConfig => readConfig(historyConfigSchema(), options);
  const config = reread();
  await serveWorker<HistoryConfig>({
    name: 'history',
    config,
    reread,
    env: options.env,
    withoutRedis: 'nothing is written until it can',
    create: ({ client, ...parts }) => {
      const store = new RedisHistory(client, { keyPrefix: config.redis.prefix, idleLaneTtlMs: idleLaneTtlMs(config) });
      const { channel, history } = config;
      return { store, service: new HistoryService({ ...parts, store, channel, queueBytes: history.queue_max_size }) };
    },
  });
}

/** A lane is remembered for longer than any of its channels, or their positions would be forgotten with it. */
function idleLaneTtlMs({ channel }: HistoryConfig): number {
  const longest = [channel.without_namespace, ...channel.namespaces].map((options) => options.history_meta_ttl);
  return Math.max(90 * dayMs, 2 * Math.max(...longest));
}
