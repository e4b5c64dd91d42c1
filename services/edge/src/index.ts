export { type EdgeConfig, edgeConfigSchema, type EdgePreset, edgePreset } from './config.ts';
export { Edge, type EdgeParts } from './edge.ts';
export { main } from './main.ts';
export { describeEdgeMetrics } from './metrics.ts';
export { type EdgeStores, redisStores } from './stores.ts';
export { serveEdge, type ServedParts, type ServeOptions } from './serve.ts';
