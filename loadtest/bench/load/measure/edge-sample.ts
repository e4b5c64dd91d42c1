/** What a process says of itself at a moment. */
export interface EdgeSample {
  readonly rssBytes: number;
  readonly descriptors: number;
  readonly connections: number;
}

/** @param text of /metrics. @throws RangeError where a metric is missing */
export function sampleOf(text: string): EdgeSample {
  return {
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

/** By how much a value rises in a unit of `at`, by least squares; 0 for fewer than two points. */
export function slopeOf(points: readonly { readonly at: number; readonly value: number }[]): number {
  const count = points.length;
  if (count < 2) return 0;
  const meanAt = points.reduce((sum, { at }) => sum + at, 0) / count;
  const meanValue = points.reduce((sum, { value }) => sum + value, 0) / count;
  let over = 0;
  let under = 0;
  for (const { at, value } of points) {
    over += (at - meanAt) * (value - meanValue);
    under += (at - meanAt) ** 2;
  }
  return under === 0 ? 0 : over / under;
}
