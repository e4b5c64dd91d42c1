import type { DashboardSpec } from '../frame.ts';
import { metric, quantile, quantiles, rate, share, sum } from '../promql.ts';
import { errorRatio, objectives } from '../slo.ts';

const connections = sum(metric('pharos_edge_connections'));
const limit = sum(metric('pharos_edge_connection_limit'));
const edges = metric('pharos_build_info', 'service=~"edge|pharos"');

/** What is left of an objective's budget, at the pace of the last three days. */
const budgets = objectives.map((objective) => ({
  expr: `1 - max(${errorRatio(objective, '3d')}{cluster=~"$cluster", namespace=~"$namespace"}) / ${(1 - objective.target).toFixed(4)}`,
  legend: objective.title,
}));

export const fleet: DashboardSpec = {
  uid: 'pharos-fleet',
  title: 'Pharos A: Fleet',
  description: 'Is the service well? All edges together; look here first.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'number',
          title: 'Connections',
          description:
            'Open client connections of all edges. Bad: a fall that no drain explains, which is a mass disconnect.',
          unit: 'short',
          limits: 'none',
          queries: [{ expr: connections, legend: 'connections' }],
        },
        {
          kind: 'number',
          title: 'Headroom',
          description:
            'Share of the connection limits that is free. Bad: less than a third, for one edge that dies must fit into the others.',
          unit: 'percentunit',
          limits: { warn: 0.34, bad: 0.15 },
          queries: [{ expr: `1 - ${connections} / ${limit}`, legend: 'free' }],
        },
        {
          kind: 'number',
          title: 'Connects that succeed',
          description:
            'Of the protocol clients that asked to come in, those that are in; what clients themselves do wrong counts here too. Bad: below 99 % while no wrong token is about.',
          unit: 'percentunit',
          limits: { warn: 0.999, bad: 0.99 },
          queries: [
            {
              expr: share(
                sum(rate('pharos_edge_connects_total', 'outcome="ok"')),
                sum(rate('pharos_edge_connects_total')),
              ),
              legend: 'in',
            },
          ],
        },
        {
          kind: 'number',
          title: 'Delivery p99',
          description:
            "From the log's having a publication to its being with the sockets, on the slowest hundredth. Bad: beyond half a second. Tells of the broker's clock too.",
          unit: 's',
          limits: { warn: 0.25, bad: 0.5 },
          queries: [{ expr: quantile(0.99, 'pharos_edge_delivery_seconds'), legend: 'p99' }],
        },
        {
          kind: 'number',
          title: 'Edges ready',
          description:
            'Edges that say they are ready, of those there are. Bad: less than all, for longer than a rollout takes.',
          unit: 'percentunit',
          limits: { warn: 1, bad: 0.7 },
          queries: [
            {
              expr: `sum(${metric('pharos_ready')} and on (job, instance) ${edges}) / sum(${edges})`,
              legend: 'ready',
            },
          ],
        },
        {
          kind: 'number',
          title: 'Draining',
          description: 'Processes on their way out. Bad: some, though nobody rolls anything out.',
          unit: 'short',
          limits: { warn: 1, bad: 3 },
          queries: [{ expr: sum(metric('pharos_draining')), legend: 'draining' }],
        },
      ],
    },
    {
      title: 'Clients',
      panels: [
        {
          title: 'Connections by transport',
          description: 'Open client connections. Bad: a step down, or a saw: clients that come and go together.',
          unit: 'short',
          limits: 'none',
          queries: [{ expr: sum(metric('pharos_edge_connections'), 'transport'), legend: '{{transport}}' }],
        },
        {
          title: 'Connects by outcome',
          description:
            'Protocol clients that asked to come in. Bad: 100 or 3004 (faults of the service) at all; much 101, 109 or 3500 (tokens) after a change of keys; 3502 (nothing was asked in time) under overload.',
          unit: 'cps',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_connects_total'), 'outcome'), legend: '{{outcome}}' }],
        },
        {
          title: 'Refused at the upgrade',
          description:
            'Before anything was spent on them. Bad: connection_limit (more edges are needed) or connection_rate (a reconnect storm that is spread out).',
          unit: 'cps',
          limits: { warn: 1, bad: 50 },
          queries: [{ expr: sum(rate('pharos_edge_connections_refused_total'), 'reason'), legend: '{{reason}}' }],
        },
      ],
    },
    {
      title: 'Messages',
      panels: [
        {
          title: 'Publishes of clients',
          description:
            'By outcome. Bad: any but ok: deadline and outcome_unknown are the broker, queue_full is too much at once.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_publishes_total'), 'outcome'), legend: '{{outcome}}' }],
        },
        {
          title: 'Deliveries',
          description: 'Publications handed to sockets, by encoding. Bad: a fall while publishes go on.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_deliveries_total'), 'variant'), legend: '{{variant}}' }],
        },
        {
          title: 'Delivery time',
          description:
            'From the log to the sockets. Bad: p99 beyond half a second; all three up means the broker, p99 alone one edge.',
          unit: 's',
          limits: { warn: 0.25, bad: 0.5 },
          queries: quantiles([0.5, 0.95, 0.99], 'pharos_edge_delivery_seconds'),
        },
      ],
    },
    {
      title: 'Processes',
      panels: [
        {
          title: 'Error budget left',
          description:
            'Of each objective, at the pace of the last three days. Bad: below zero: more goes wrong than is allowed. Dashboard E has the details.',
          unit: 'percentunit',
          limits: { warn: 0.5, bad: 0 },
          min: -1,
          max: 1,
          queries: budgets,
        },
        {
          title: 'Processes by service and version',
          description:
            'Bad: two versions for longer than a rollout takes; a service with fewer processes than it is to have.',
          unit: 'short',
          limits: 'none',
          queries: [
            {
              expr: `count by (service, version) (${metric('pharos_build_info')})`,
              legend: '{{service}} {{version}}',
            },
          ],
        },
        {
          title: 'Headroom by edge',
          description:
            'Share of its connection limit that is free. Bad: one edge much lower than the others; dashboard B has the skew.',
          unit: 'percentunit',
          limits: { warn: 0.34, bad: 0.15 },
          max: 1,
          queries: [
            {
              expr: `1 - ${sum(metric('pharos_edge_connections'), 'pod')} / ${sum(metric('pharos_edge_connection_limit'), 'pod')}`,
              legend: '{{pod}}',
            },
          ],
        },
        {
          title: 'Configuration and certificates reloaded',
          description:
            'By outcome. Bad: refused: the process goes on with the old one, and would not start with the new.',
          unit: 'ops',
          limits: 'none',
          queries: [
            { expr: sum(rate('pharos_config_reloads_total'), 'outcome'), legend: 'configuration {{outcome}}' },
            { expr: sum(rate('pharos_tls_certificate_reloads_total'), 'outcome'), legend: 'certificate {{outcome}}' },
          ],
        },
        {
          title: 'On an old configuration',
          description: 'Processes whose new configuration was refused. Bad: any: they would not start anew.',
          unit: 'short',
          limits: { warn: 1, bad: 3 },
          queries: [{ expr: sum(metric('pharos_config_refused')), legend: 'processes' }],
        },
        {
          title: 'Certificates: time left',
          description: 'Of listeners with TLS, the least. Bad: less than two weeks.',
          unit: 's',
          limits: { warn: 1_209_600, bad: 259_200 },
          queries: [
            { expr: `min(${metric('pharos_tls_certificate_expiry_timestamp_seconds')} > 0) - time()`, legend: 'left' },
          ],
        },
      ],
    },
  ],
};
