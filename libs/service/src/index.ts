export { defaultInternalListen, type PulsarConfig, pulsarFields, type ServiceConfig, serviceFields } from './config.ts';
export { pulsarBus, redisOptions } from './connections.ts';
export { type Identity, newIdentity } from './identity.ts';
export { type MainOptions, readConfig } from './main-options.ts';
export { runService } from './run.ts';
export { serveWorker, type Worker, type WorkerConfig, type WorkerOptions, type WorkerParts } from './worker.ts';
