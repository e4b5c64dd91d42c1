export { HistoryError, type HistoryErrorCode, historyErrors } from './errors.ts';
export { exceedsLimits, oldestTimeMs } from './limits.ts';
export { MemoryHistory, type MemoryHistoryOptions } from './memory/memory-history.ts';
export type * from './port.ts';
export { RedisHistory, type RedisHistoryOptions } from './redis/redis-history.ts';
