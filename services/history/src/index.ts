export { defaultQueueBytes, type HistoryConfig, historyConfigSchema } from './config.ts';
export { HistoryService, type HistoryServiceParts } from './history-service.ts';
export { groupName } from './log-worker.ts';
export { main } from './main.ts';
export { describeHistoryMetrics } from './metrics.ts';
