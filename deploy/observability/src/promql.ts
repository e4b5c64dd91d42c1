import type { Query } from './panel.ts';

/** What dashboards choose from; the variables of `frame.ts`. */
const scope = 'cluster=~"$cluster", namespace=~"$namespace", job=~"$job", pod=~"$pod"';

/** A metric of the processes that are chosen. @param matchers more of them, as they stand in PromQL */
export function metric(name: string, matchers = ''): string {
  return `${name}{${scope}${matchers === '' ? '' : `, ${matchers}`}}`;
}

/** How fast a counter rises, a second. */
export function rate(name: string, matchers = ''): string {
  return `rate(${metric(name, matchers)}[$__rate_interval])`;
}

/** @param by labels to keep, separated by commas; none: one sum */
export function sum(expression: string, by = ''): string {
  return by === '' ? `sum(${expression})` : `sum by (${by}) (${expression})`;
}

/** @param name of the histogram, without `_bucket` */
export function quantile(q: number, name: string, by = '', matchers = ''): string {
  const labels = by === '' ? 'le' : `le, ${by}`;
  return `histogram_quantile(${q}, ${sum(rate(`${name}_bucket`, matchers), labels)})`;
}

/** A curve for each of some quantiles of a histogram. */
export function quantiles(qs: readonly number[], name: string): Query[] {
  return qs.map((q) => ({ expr: quantile(q, name), legend: `p${q * 100}` }));
}

/** `part` of `whole`, 0 where there is none of it; nothing where there is no `whole`. */
export function share(part: string, whole: string): string {
  return `(${part} or 0 * (${whole})) / (${whole} > 0)`;
}
