export { ApiService, type ApiServiceParts } from './api-service.ts';
export { commandTopics } from './commands/topics.ts';
export {
  type ApiConfig,
  apiConfigSchema,
  type CommandsConfig,
  commandsSection,
  type HttpApiConfig,
  httpApiSection,
  requireKeyStore,
} from './config.ts';
export { MemoryIdempotency } from './idempotency/memory-store.ts';
export type { IdempotencyStore } from './idempotency/port.ts';
export { RedisIdempotency } from './idempotency/redis-store.ts';
export { main } from './main.ts';
export { describeApiMetrics } from './metrics.ts';
