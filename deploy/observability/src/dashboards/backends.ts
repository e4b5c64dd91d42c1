import type { RowSpec } from '../frame.ts';
import type { Query } from '../panel.ts';
import { metric, quantile, rate, share, sum } from '../promql.ts';

/** Edges and the server API ask alike. @param expr of the name that the metrics of one begin with, by these labels */
function ofBoth(labels: string, expr: (prefix: string, by: string) => string): Query[] {
  return ['edge', 'api'].map((service) => ({
    expr: expr(`pharos_${service}_proxy`, labels),
    legend: `${service}: ${labels
      .split(', ')
      .map((label) => `{{${label}}}`)
      .join(' ')}`,
  }));
}

/** Of no answer that can be used; what a client sends that is no JSON isn't the backend's fault. */
const failed = 'outcome=~"queue_full|timeout|unreachable|broken|status|too_large|invalid"';

/** What edges and the server API ask of the application. */
export const backendsRow: RowSpec = {
  title: "The application's backends (proxies)",
  panels: [
    {
      title: 'Requests to backends by outcome',
      description:
        'By what is asked. Bad: timeout, queue_full (the backend is too slow), unreachable, broken, status (it is not there); error and disconnect are what it decided.',
      unit: 'ops',
      limits: 'none',
      queries: ofBoth('kind, proxy, outcome', (prefix, by) => sum(rate(`${prefix}_calls_total`), by)),
    },
    {
      title: 'Backends fail, share',
      description:
        'Of requests, those without an answer that can be used. Bad: beyond 5 %: clients are told error 100.',
      unit: 'percentunit',
      limits: { warn: 0.01, bad: 0.05 },
      max: 1,
      queries: ofBoth('kind, proxy', (prefix, by) =>
        share(sum(rate(`${prefix}_calls_total`, failed), by), sum(rate(`${prefix}_calls_total`), by)),
      ),
    },
    {
      title: 'Backends answer, p99',
      description: "Waiting for a connection included. Bad: near the proxy's timeout.",
      unit: 's',
      limits: { warn: 0.25, bad: 1 },
      queries: ofBoth('kind, proxy', (prefix, by) => quantile(0.99, `${prefix}_seconds`, by)),
    },
    {
      title: 'Requests to backends under way',
      description: 'Bad: at max_requests of the proxy for long: others wait.',
      unit: 'short',
      limits: 'none',
      queries: ofBoth('kind, proxy', (prefix, by) => sum(metric(`${prefix}_calls_in_flight`), by)),
    },
    {
      title: 'Requests to backends that wait',
      description: 'For one of those under way to end. Bad: any for long; at max_queue they fail.',
      unit: 'short',
      limits: { warn: 1, bad: 100 },
      queries: ofBoth('kind, proxy', (prefix, by) => sum(metric(`${prefix}_calls_waiting`), by)),
    },
    {
      title: 'Backends connected to again',
      description:
        'Further tries to connect. Bad: any that last: a backend that is not there, or whose address is stale.',
      unit: 'cps',
      limits: { warn: 0.1, bad: 10 },
      queries: ofBoth('kind, proxy', (prefix, by) => sum(rate(`${prefix}_retries_total`), by)),
    },
  ],
};
