/** What a process says of itself at a moment. */
export interface EdgeSample {
  /** JavaScript's heap and the buffers beside it. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly descriptors: number;
  readonly connections: number;
}

/** @param text of /metrics. @throws RangeError where a metric is missing */
export function sampleOf(text: string): EdgeSample {
  return {
    heapBytes: metricIn(text, 'nodejs_heap_size_used_bytes') + metricIn(text, 'nodejs_external_memory_bytes'),
    rssBytes: metricIn(text, 'process_resident_memory_bytes'),
    descriptors: metricIn(text, 'process_open_fds'),
    connections: metricIn(text, 'pharos_edge_connections'),
  };
}

/** A metric of a page, summed over its series. @throws RangeError where there is none */
export function metricIn(text: string, name: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  if (lines.length === 0) throw new RangeError(`/metrics has no ${name}`);
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
