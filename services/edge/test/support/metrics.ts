import { eventually } from '@pharos/testkit';
import type { TestEdge } from './edge.ts';

/** The value of one series, 0 where it was never set. */
export async function metric(edge: TestEdge, name: string, labels: Record<string, string> = {}): Promise<number> {
  const found = edge.metrics.registry.getSingleMetric(name);
  if (found === undefined) throw new TypeError(`there is no metric ${name}`);
  const { values } = await found.get();
  const wanted = Object.entries(labels);
  return values
    .filter((value) => wanted.every(([label, text]) => value.labels[label] === text))
    .reduce((sum, { value }) => sum + value, 0);
}

/** Waits until a metric has a value: for what only the edge knows has happened. */
export async function untilMetric(
  edge: TestEdge,
  name: string,
  expected: number,
  labels: Record<string, string> = {},
): Promise<void> {
  let last = Number.NaN;
  await eventually(
    async () => {
      last = await metric(edge, name, labels);
      return last === expected ? true : undefined;
    },
    `${name} ${JSON.stringify(labels)} = ${expected}`,
  ).catch((error: unknown) => {
    throw new Error(`${name} ${JSON.stringify(labels)} is ${last}, expected ${expected}`, { cause: error });
  });
}

/** Nothing that connections, subscriptions and channels take is left. */
export async function untilIdle(edge: TestEdge): Promise<void> {
  await untilMetric(edge, 'pharos_edge_connections', 0);
  await untilMetric(edge, 'pharos_edge_subscriptions', 0);
  await untilMetric(edge, 'pharos_edge_channels', 0);
}
