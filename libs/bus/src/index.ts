export { BusError, type BusErrorCode, busErrors } from './errors.ts';
export { MemoryBroker, type MemoryBrokerOptions } from './memory/memory-broker.ts';
export { MemoryBus } from './memory/memory-bus.ts';
export type * from './port.ts';
export {
  deltaProperty,
  historyRemoveMarker,
  idempotencyKeyProperty,
  markerProperty,
  skipHistoryProperty,
} from './port.ts';
export { parseTopic } from './topic.ts';
export { adminUrlOf } from './pulsar/admin-url.ts';
export type { LogLook } from './pulsar/look-at-log.ts';
export { PulsarBus } from './pulsar/pulsar-bus.ts';
export type { BusLogger, PulsarBusOptions, PulsarMetrics } from './pulsar/pulsar-options.ts';
