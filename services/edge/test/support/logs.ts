import type { TestEdge } from './edge.ts';

/** Lines of an edge's log that hold a text. */
export function logged(edge: TestEdge, text: string): Record<string, unknown>[] {
  return edge.log.filter((line) => line.includes(text)).map((line) => JSON.parse(line) as Record<string, unknown>);
}
