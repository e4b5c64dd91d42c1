export {
  defaultInternalListen,
  publishTimeout,
  type PulsarConfig,
  pulsarFields,
  type ServiceConfig,
  serviceFields,
  tailSubscription,
  type TailSubscription,
} from './config.ts';
export { pulsarBus, redisClient } from './connections.ts';
export { type Identity, newIdentity } from './identity.ts';
export { type MainOptions, readConfig } from './main-options.ts';
export { runService } from './run.ts';
export { serveWorker, type Worker, type WorkerConfig, type WorkerOptions, type WorkerParts } from './worker.ts';
