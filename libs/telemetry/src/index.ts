export type { TraceCarrier } from './trace-context.ts';
export { type EndSpan, Tracing } from './tracing.ts';
export type { Counter, Gauge, Histogram, Registry } from 'prom-client';
export { TelemetryError, type TelemetryErrorCode, telemetryErrorTable } from './errors.ts';
export {
  type InternalServer,
  type InternalServerOptions,
  type Readiness,
  startInternalServer,
} from './internal-server.ts';
export {
  createLogger,
  type LogDestination,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  type LogMethod,
  setLogLevel,
} from './logger.ts';
export {
  type CounterOptions,
  createRegistry,
  type GaugeOptions,
  type HistogramOptions,
  maxBuckets,
  type MetricDescription,
  type MetricOptions,
  describeRuntimeMetrics,
  Metrics,
  type RegistryOptions,
} from './metrics.ts';
export { ThrottledLog } from './throttled-log.ts';
