import type { DashboardSpec } from '../frame.ts';
import { metric, quantile, rate, share, sum } from '../promql.ts';
import { processRow } from './processes.ts';

const perEdge = sum(metric('pharos_edge_connections'), 'pod');

export const edge: DashboardSpec = {
  uid: 'pharos-edge',
  title: 'Pharos B: Edge',
  description: 'What each edge does: its clients, its messages, its lanes, its process.',
  rows: [
    {
      title: 'Connections',
      panels: [
        {
          title: 'Connections',
          description: 'By edge. Bad: one that stays empty (not in the load balancer) or takes all.',
          unit: 'short',
          limits: 'none',
          queries: [{ expr: perEdge, legend: '{{pod}}' }],
        },
        {
          title: 'Skew',
          description:
            'The fullest edge against the mean. Bad: beyond 2 for long: connections live for hours, so what a rollout brings out of balance stays so.',
          unit: 'short',
          limits: { warn: 1.5, bad: 2 },
          queries: [{ expr: `max(${perEdge}) / (avg(${perEdge}) > 0)`, legend: 'fullest / mean' }],
        },
        {
          title: 'Opened and closed',
          description: 'Bad: both high together: clients that come and go; look at the close codes.',
          unit: 'cps',
          limits: 'none',
          queries: [
            { expr: sum(rate('pharos_edge_connections_opened_total'), 'pod'), legend: '{{pod}} opened' },
            { expr: sum(rate('pharos_edge_connections_closed_total'), 'pod'), legend: '{{pod}} closed' },
          ],
        },
        {
          title: 'Closed by code',
          description:
            'Bad: 3008 (slow clients), 3012 (no answer to pings), 3004 (a fault), 1006 in bursts (networks, or an edge that died). 3001 is a drain.',
          unit: 'cps',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_connections_closed_total'), 'code'), legend: '{{code}}' }],
        },
        {
          title: 'Refused by reason',
          description:
            'Bad: connection_limit, connection_rate: there is more demand than room. origin: a page that is not allowed.',
          unit: 'cps',
          limits: { warn: 1, bad: 50 },
          queries: [
            { expr: sum(rate('pharos_edge_connections_refused_total'), 'reason, pod'), legend: '{{pod}} {{reason}}' },
          ],
        },
        {
          title: 'Tokens by outcome',
          description:
            'Of connections and subscriptions. Bad: many that are refused after a change of keys; expired in bursts: clients that do not refresh in time.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_tokens_total'), 'kind, outcome'), legend: '{{kind}} {{outcome}}' }],
        },
        {
          title: 'Subscriptions and channels',
          description:
            'Of all edges; a channel counts on each edge that has a subscriber of it. Bad: a fall without one of connections: clients that were unsubscribed.',
          unit: 'short',
          limits: 'none',
          queries: [
            { expr: sum(metric('pharos_edge_subscriptions')), legend: 'subscriptions' },
            { expr: sum(metric('pharos_edge_channels')), legend: 'channels' },
            { expr: sum(metric('pharos_edge_lifecycle_subscriptions')), legend: 'subscriptions to joins and leaves' },
            { expr: sum(metric('pharos_edge_lifecycle_channels')), legend: 'channels with joins and leaves' },
          ],
        },
        {
          title: 'Ready and draining',
          description: 'Bad: an edge that is neither ready nor draining; /health/ready says why.',
          unit: 'short',
          limits: 'none',
          queries: [
            {
              expr: sum(
                `${metric('pharos_ready')} and on (job, instance) ${metric('pharos_edge_connection_limit')}`,
                'pod',
              ),
              legend: '{{pod}} ready',
            },
            { expr: `sum by (pod) (${metric('pharos_draining')}) > 0`, legend: '{{pod}} draining' },
          ],
        },
      ],
    },
    {
      title: 'Resumes',
      panels: [
        {
          title: 'Resumes by outcome',
          width: 6,
          description:
            'Subscribes that asked for what was missed. Bad: history or limit (history_ttl and history_size are too small for how long clients are away), unavailable (the store), epoch outside a change of the log.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_recoveries_total'), 'outcome'), legend: '{{outcome}}' }],
        },
        {
          title: 'Resumes served from memory',
          width: 6,
          description:
            'Share of the served resumes that the ring had. Bad: a reconnect storm with less than 90 %: the store takes it then. Quiet channels miss the ring as a rule.',
          unit: 'percentunit',
          limits: { warn: 0.9, bad: 0.5 },
          max: 1,
          queries: [
            {
              expr: share(
                sum(rate('pharos_edge_recovered_total', 'tier="ring"')),
                sum(rate('pharos_edge_recovered_total')),
              ),
              legend: 'ring',
            },
          ],
        },
        {
          title: 'Publications sent again',
          description:
            'What clients had missed. Bad: as many as are delivered live, for long: clients that come and go.',
          unit: 'ops',
          limits: 'none',
          width: 6,
          queries: [{ expr: sum(rate('pharos_edge_recovered_publications_total')), legend: 'publications' }],
        },
        {
          title: 'Ring memory',
          description:
            'What edges keep for resumes. Bad: at ring.max_size with a low share from memory: the rings are too small.',
          unit: 'bytes',
          limits: 'none',
          width: 6,
          queries: [{ expr: sum(metric('pharos_edge_ring_bytes'), 'pod'), legend: '{{pod}}' }],
        },
      ],
    },
    {
      title: 'History, orders, emulation',
      panels: [
        {
          title: 'Pages of history',
          width: 6,
          description:
            'History commands of clients, by where they were served from. Bad: unavailable (the store), gone, epoch outside a change of the log.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_history_pages_total'), 'outcome'), legend: '{{outcome}}' }],
        },
        {
          title: 'Read from the past of logs',
          width: 6,
          description: 'For namespaces with replay. Bad: as much as is read live, for long: brokers pay for it.',
          unit: 'Bps',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_replay_read_bytes_total'), 'pod'), legend: '{{pod}}' }],
        },
        {
          title: 'Orders to edges',
          width: 6,
          description:
            'What came over the control topics. Bad: lost: who was to go may still be in; unknown: an edge that is older than who sends.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_control_total'), 'command'), legend: '{{command}}' }],
        },
        {
          title: 'Requests of SSE and HTTP streaming',
          width: 6,
          description:
            'With commands of clients, by outcome. Bad: no_edge, unknown (another edge did not answer), forged (somebody tries), busy; handed is what a load balancer without affinity costs.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_emulation_requests_total'), 'outcome'), legend: '{{outcome}}' }],
        },
      ],
    },
    {
      title: 'Messages',
      panels: [
        {
          title: 'In',
          description:
            'Messages of clients, and publications that come from lanes. Bad: one edge that reads far behind the others.',
          unit: 'ops',
          limits: 'none',
          queries: [
            { expr: sum(rate('pharos_edge_messages_received_total'), 'pod'), legend: '{{pod}} from clients' },
            { expr: sum(rate('pharos_edge_publications_read_total'), 'pod'), legend: '{{pod}} from lanes' },
          ],
        },
        {
          title: 'Out',
          description: 'Publications handed to sockets. Bad: a fall while publications with local subscribers come in.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_deliveries_total'), 'pod'), legend: '{{pod}}' }],
        },
        {
          title: 'Amplification',
          description:
            'Deliveries for each publication that somebody here is subscribed to. Bad is what you did not plan for: it is what an edge costs.',
          unit: 'short',
          limits: 'none',
          queries: [
            {
              expr: `${sum(rate('pharos_edge_deliveries_total'), 'pod')} / (${sum(rate('pharos_edge_publications_read_total', 'interest="local"'), 'pod')} > 0)`,
              legend: '{{pod}}',
            },
          ],
        },
        {
          title: 'Log to edge, p99',
          description:
            "From the log's having an entry to its being read. Bad: beyond a second: the broker, the network, or an event loop that is full. Below zero is cut: two clocks.",
          unit: 's',
          limits: { warn: 0.25, bad: 1 },
          queries: [{ expr: quantile(0.99, 'pharos_edge_lane_delay_seconds', 'pod'), legend: '{{pod}}' }],
        },
        {
          title: 'Edge to sockets, p99',
          description:
            'From reading a publication to its frames being with the sockets. Bad: beyond 50 ms: the edge has more to write than it can.',
          unit: 's',
          limits: { warn: 0.025, bad: 0.05 },
          queries: [{ expr: quantile(0.99, 'pharos_edge_fanout_seconds', 'pod'), legend: '{{pod}}' }],
        },
        {
          title: 'Bytes out',
          description: 'Payload of frames handed to sockets. Bad: near what the network of the node takes.',
          unit: 'Bps',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_delivered_bytes_total'), 'pod'), legend: '{{pod}}' }],
        },
        {
          title: 'Slow clients',
          description:
            'Connections ended because they read slower than they were sent to. Bad: many at once: the network between, or one channel that is too fast.',
          unit: 'cps',
          limits: { warn: 1, bad: 10 },
          queries: [{ expr: sum(rate('pharos_edge_slow_connections_total'), 'pod'), legend: '{{pod}}' }],
        },
        {
          title: 'Longest queue of a connection',
          description:
            'The most that waited for one client to read it. Bad: at client.queue_max_size (1 MiB by default): that client is ended.',
          unit: 'bytes',
          limits: { warn: 524_288, bad: 1_048_576 },
          queries: [{ expr: metric('pharos_edge_queue_max_bytes'), legend: '{{pod}}' }],
        },
        {
          title: 'Deltas',
          description:
            'Publications with a delta asked for. Bad: mostly whole: deltas cost time there and save nothing.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_deltas_total'), 'outcome'), legend: '{{outcome}}' }],
        },
        {
          title: 'Bytes that deltas save',
          description: 'Over all who got them. Bad: next to none beside the bytes that go out.',
          unit: 'Bps',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_delta_saved_bytes_total'), 'pod'), legend: '{{pod}}' }],
        },
        {
          title: 'Commands answered with an error',
          description:
            'By code; docs/errors.md has them. Bad: 100 (internal): the log or the store. 111: clients beyond their limits.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_edge_command_errors_total'), 'code'), legend: '{{code}}' }],
        },
      ],
    },
    {
      title: 'Lanes',
      panels: [
        {
          title: 'Lanes attached, and without connection',
          description: 'Bad: any without connection for more than seconds: what is published there waits.',
          unit: 'short',
          limits: 'none',
          queries: [
            { expr: sum(metric('pharos_edge_lanes_attached'), 'pod'), legend: '{{pod}} attached' },
            {
              expr: `${sum(metric('pharos_edge_lanes_attached'), 'pod')} - ${sum(metric('pharos_edge_lanes_connected'), 'pod')}`,
              legend: '{{pod}} without connection',
            },
          ],
        },
        {
          title: 'Lanes that can not be resumed',
          description:
            'Though their channels should be. Bad: any: offsets: the broker gives no index, or it went backwards; epoch: the admin API did not answer.',
          unit: 'short',
          limits: { warn: 1, bad: 2 },
          queries: [
            { expr: sum(metric('pharos_edge_lanes_unrecoverable'), 'pod, reason'), legend: '{{pod}} {{reason}}' },
          ],
        },
        {
          title: 'Gaps',
          description:
            'Jumps of offsets. Bad: lost: publications were gone before this edge could read them (retention is too short).',
          unit: 'ops',
          limits: { warn: 0.001, bad: 0.1 },
          queries: [
            { expr: sum(rate('pharos_edge_offset_holes_total'), 'kind'), legend: '{{kind}}' },
            { expr: sum(rate('pharos_edge_publications_lost_total')), legend: 'publications lost' },
          ],
        },
        {
          title: 'Read in vain',
          description:
            'Share of publications read that nobody here is subscribed to. Bad: near 1 on many edges: more lanes, or logs of their own, would save traffic.',
          unit: 'percentunit',
          limits: { warn: 0.9, bad: 0.99 },
          max: 1,
          queries: [
            {
              expr: share(
                sum(rate('pharos_edge_publications_read_total', 'interest="none"')),
                sum(rate('pharos_edge_publications_read_total')),
              ),
              legend: 'in vain',
            },
          ],
        },
      ],
    },
    processRow('pharos_edge_connection_limit'),
  ],
};
