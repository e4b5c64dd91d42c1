import { readFileSync } from 'node:fs';

/** What PromQL has itself, as far as it is used here. */
const words = new Set(
  'sum min max avg count by on and or unless group_left offset rate increase histogram_quantile max_over_time label_replace clamp_min absent time changes'.split(
    ' ',
  ),
);

/** Labels that every series has from its target. */
export const targetLabels: ReadonlySet<string> = new Set(['cluster', 'namespace', 'job', 'pod', 'instance']);

/** Not of Pharos: of Prometheus itself, and of kube-state-metrics. */
const foreign: ReadonlyMap<string, KnownMetric> = new Map([
  ['up', { type: 'gauge', labels: [] }],
  ['ALERTS', { type: 'gauge', labels: ['alertname', 'alertstate', 'severity'] }],
  ['kube_horizontalpodautoscaler_status_current_replicas', { type: 'gauge', labels: ['horizontalpodautoscaler'] }],
  ['kube_horizontalpodautoscaler_spec_min_replicas', { type: 'gauge', labels: ['horizontalpodautoscaler'] }],
  ['kube_horizontalpodautoscaler_spec_max_replicas', { type: 'gauge', labels: ['horizontalpodautoscaler'] }],
]);

export interface KnownMetric {
  readonly type: string;
  readonly labels: readonly string[];
}

/** One occurrence of a metric in an expression. */
export interface Use {
  readonly name: string;
  /** The function that is called on it, if any. */
  readonly within: string;
}

/** Every metric that an expression uses, in order. */
export function usesIn(expression: string): Use[] {
  const bare = expression
    .replaceAll(/"[^"]*"/g, '""')
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\b(by|on) \([^)]*\)/g, '')
    .replaceAll(/offset \w+/g, '');
  return [...bare.matchAll(/(?<![\w$:.])[a-zA-Z_:][\w:]*/g)]
    .filter(([name]) => !words.has(name))
    .map(({ 0: name, index }) => ({ name, within: /(\w+)\($/.exec(bare.slice(0, index))?.[1] ?? '' }));
}

/** Labels that an expression makes itself. */
export function labelsMadeIn(expression: string): string[] {
  const made = expression.matchAll(/, "(\w+)", "[^"]*", "\w+", "[^"]*"\)/g);
  return expression.includes('label_replace(') ? [...made].map(([, label = '']) => label) : [];
}

/** Labels that matchers and groupings name. */
export function labelsIn(expression: string): string[] {
  const matchers = [...expression.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside = '']) =>
    [...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = '']) => label),
  );
  const grouped = [...expression.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, inside = '']) =>
    inside.split(',').map((label) => label.trim()),
  );
  return [...matchers, ...grouped];
}

/** What processes of Pharos expose, by series name: docs/metrics.md, which a test holds to the code. */
export function knownMetrics(): ReadonlyMap<string, KnownMetric> {
  const known = new Map(foreign);
  const add = (name: string, type: string, labels: readonly string[]): void => {
    if (type !== 'histogram') known.set(name, { type, labels });
    else
      for (const part of ['bucket', 'sum', 'count'])
        known.set(`${name}_${part}`, { type: 'counter', labels: [...labels, 'le'] });
  };
  const reference = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
  for (const [, name = '', type = '', labels = ''] of reference.matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*) \|/gm)) {
    add(
      name,
      type,
      [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
    );
  }
  return known;
}
