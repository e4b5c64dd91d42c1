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
export { describeConnectionMetrics } from './connection-metrics.ts';
export { pulsarBus, redisClient } from './connections.ts';
export { type Identity, newIdentity } from './identity.ts';
export { startInternalListener } from './internal-listener.ts';
export { type MainOptions, readConfig } from './main-options.ts';
export { type CreateServer, Listener, type ListenerOptions } from './listener.ts';
export { describeProcessMetrics, ProcessMetrics } from './process-metrics.ts';
export {
  ConfigReloader,
  type ConfigReloaderOptions,
  logLevelPart,
  type Prepared,
  type Reloadable,
  type ReloadableService,
} from './reload.ts';
export { type StartedTracing, startTracing, type TracingOptions } from './tracing.ts';
export { pharosVersion } from './version.ts';
export { runService } from './run.ts';
export {
  type CompressionConfig,
  compressionFields,
  compressionOf,
  type ServerTlsConfig,
  type SocketConfig,
  socketFields,
} from './socket-config.ts';
export { serveWorker, type Worker, type WorkerConfig, type WorkerOptions, type WorkerParts } from './worker.ts';
