export { type PresenceConfig, presenceConfigSchema } from './config.ts';
export { main } from './main.ts';
export { describePresenceMetrics } from './metrics.ts';
export { PresenceService, type PresenceServiceParts } from './presence-service.ts';
