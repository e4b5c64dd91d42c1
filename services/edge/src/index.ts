export { type EdgeConfig, edgeConfigSchema, type EdgePreset, edgePreset, type NamespaceConfig } from './config.ts';
export { Edge, type EdgeIdentity, type EdgeParts, newIdentity } from './edge.ts';
export { main, type MainOptions } from './main.ts';
export { describeEdgeMetrics } from './metrics.ts';
export { pulsarBus } from './pulsar-bus.ts';
export { serveEdge, type ServeOptions } from './serve.ts';
