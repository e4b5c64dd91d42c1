import type { DashboardSpec } from '../frame.ts';
import { metric, quantile, quantiles, rate, sum } from '../promql.ts';

export const path: DashboardSpec = {
  uid: 'pharos-path',
  title: 'Pharos C: Pulsar and Redis',
  description: 'The way through the log and the stores: publishing, reading, history, presence.',
  rows: [
    {
      title: 'Publishing',
      panels: [
        {
          title: 'Acknowledged by the broker',
          description:
            'From handing an entry to the Pulsar client to its acknowledgement. Bad: p99 beyond 250 ms: the disks of the bookies, or the broker.',
          unit: 's',
          limits: { warn: 0.1, bad: 0.25 },
          queries: [
            ...quantiles([0.5, 0.99], 'pharos_pulsar_publish_seconds'),
            { expr: quantile(0.99, 'pharos_edge_publish_seconds'), legend: 'p99 of clients, waiting included' },
          ],
        },
        {
          title: 'Publishes that wait',
          description:
            'Publications of clients that the log has not acknowledged. Bad: growing: the broker is slower than clients publish; at 10,000 they are refused.',
          unit: 'short',
          limits: { warn: 1_000, bad: 5_000 },
          queries: [{ expr: sum(metric('pharos_edge_publishes_waiting'), 'pod'), legend: '{{pod}}' }],
        },
        {
          title: 'Publishes that failed',
          description: 'Of clients by outcome, and messages that the Pulsar client gave up. Bad: any.',
          unit: 'ops',
          limits: { warn: 0.01, bad: 1 },
          queries: [
            { expr: sum(rate('pharos_edge_publishes_total', 'outcome!="ok"'), 'outcome'), legend: '{{outcome}}' },
            { expr: sum(rate('pharos_pulsar_publish_failures_total')), legend: 'given up' },
          ],
        },
        {
          title: 'Messages to and from brokers',
          description: 'Bad: far more in than out times the number of edges explains: somebody else writes the log.',
          unit: 'ops',
          limits: 'none',
          queries: [
            { expr: sum(rate('pharos_pulsar_published_messages_total')), legend: 'published' },
            { expr: sum(rate('pharos_pulsar_received_messages_total')), legend: 'received' },
          ],
        },
        {
          title: 'Bytes to and from brokers',
          description:
            'Every edge reads every lane that it needs. Bad: received near what the network of brokers or edges takes; see docs on lanes.',
          unit: 'Bps',
          limits: 'none',
          queries: [
            { expr: sum(rate('pharos_pulsar_published_bytes_total')), legend: 'published' },
            { expr: sum(rate('pharos_pulsar_received_bytes_total')), legend: 'received' },
          ],
        },
        {
          title: 'Connections to brokers',
          description: 'Bad: closed or failed while nobody restarts a broker; attached anew: topics that move.',
          unit: 'cps',
          limits: 'none',
          queries: [
            { expr: sum(rate('pharos_pulsar_connections_total'), 'event'), legend: '{{event}}' },
            { expr: sum(rate('pharos_pulsar_reattached_total'), 'kind'), legend: '{{kind}} attached anew' },
          ],
        },
        {
          title: 'Damaged, and dead letters',
          description:
            'Entries whose checksum is wrong or that are malformed; messages that came again too often. Bad: any damaged: bits flip, or somebody writes what is no message; failed: the dead letter topic does not take them.',
          unit: 'ops',
          limits: { warn: 0.001, bad: 0.1 },
          queries: [
            { expr: sum(rate('pharos_pulsar_damaged_total'), 'pod'), legend: '{{pod}} damaged' },
            { expr: sum(rate('pharos_pulsar_dead_letters_total'), 'outcome'), legend: 'dead letters {{outcome}}' },
          ],
        },
        {
          title: 'In a wrong lane',
          description:
            'Messages without a key, or whose producer routes otherwise: edges pass them over, history brings them into their lane. Bad: any that last, for they come late and cost twice; too_large: they are not brought there.',
          unit: 'ops',
          limits: { warn: 0.1, bad: 100 },
          queries: [
            { expr: sum(rate('pharos_edge_publications_misrouted_total')), legend: 'seen by edges' },
            { expr: sum(rate('pharos_history_rerouted_total'), 'outcome'), legend: 'by history: {{outcome}}' },
          ],
        },
      ],
    },
    {
      title: 'History',
      panels: [
        {
          title: 'Behind the log, seconds',
          description:
            'Age of the oldest message that is not in the store. Bad: beyond a minute: who was away for long is put off, and the log keeps the backlog.',
          unit: 's',
          limits: { warn: 10, bad: 60 },
          queries: [{ expr: `max by (log) (${metric('pharos_history_lag_seconds')})`, legend: '{{log}}' }],
        },
        {
          title: 'Behind the log, messages',
          description: 'Backlog of the store. Bad: growing: the store or the history service is too slow.',
          unit: 'short',
          limits: { warn: 10_000, bad: 100_000 },
          queries: [{ expr: sum(metric('pharos_history_lag_messages'), 'log'), legend: '{{log}}' }],
        },
        {
          title: 'Lanes that are written',
          description:
            'By process, and by none. Bad: any by none for more than seconds: what is published there is not kept.',
          unit: 'short',
          limits: 'none',
          queries: [
            { expr: sum(metric('pharos_history_lanes_active'), 'log, pod'), legend: '{{log}} {{pod}}' },
            {
              expr: `max by (log) (${metric('pharos_history_lanes')}) - ${sum(metric('pharos_history_lanes_active'), 'log')}`,
              legend: '{{log}} by none',
            },
          ],
        },
        {
          title: 'Messages by what they are',
          description: 'Bad: misplaced (a producer that routes otherwise), unreadable (chunks, or encrypted).',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_history_messages_total'), 'kind'), legend: '{{kind}}' }],
        },
        {
          title: 'Store takes a batch, p99',
          description: 'Bad: beyond 50 ms: Redis is busy with something else.',
          unit: 's',
          limits: { warn: 0.025, bad: 0.05 },
          queries: [{ expr: quantile(0.99, 'pharos_history_append_seconds'), legend: 'p99' }],
        },
        {
          title: 'Batches for the store',
          description:
            'By outcome. Bad: failed (the store); refused: another process writes the lane, or the store lost writes.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_history_batches_total'), 'outcome'), legend: '{{outcome}}' }],
        },
        {
          title: 'Begun anew, read again, lost',
          description:
            'Bad: any outside a fail-over of Redis: the store lost writes; lost: the log dropped messages before they were stored.',
          unit: 'ops',
          limits: { warn: 0.001, bad: 0.1 },
          queries: [
            { expr: sum(rate('pharos_history_rebuilds_total'), 'reason'), legend: 'anew: {{reason}}' },
            { expr: sum(rate('pharos_history_rewinds_total'), 'reason'), legend: 'again: {{reason}}' },
            { expr: sum(rate('pharos_history_lost_total')), legend: 'lost' },
          ],
        },
      ],
    },
    {
      title: 'Redis',
      panels: [
        {
          title: 'Connected',
          description:
            'Share of processes whose Redis can be used. Bad: below 1: presence and older history are answered with error 100; live traffic goes on.',
          unit: 'percentunit',
          limits: { warn: 1, bad: 0.5 },
          max: 1,
          queries: [{ expr: `avg(${metric('pharos_redis_connected')})`, legend: 'connected' }],
        },
        {
          title: 'Connections to Redis lost',
          description: 'Bad: any outside a fail-over.',
          unit: 'cps',
          limits: { warn: 0.001, bad: 0.1 },
          queries: [{ expr: sum(rate('pharos_redis_connection_losses_total'), 'pod'), legend: '{{pod}}' }],
        },
        {
          title: 'Edges ask the store, p99',
          description: 'By operation. Bad: beyond 50 ms.',
          unit: 's',
          limits: { warn: 0.025, bad: 0.05 },
          queries: [{ expr: quantile(0.99, 'pharos_edge_store_seconds', 'operation'), legend: '{{operation}}' }],
        },
        {
          title: 'Errors of stores',
          description: 'Of edges, history and presence, by code. Bad: any that lasts.',
          unit: 'ops',
          limits: { warn: 0.01, bad: 1 },
          queries: [
            { expr: sum(rate('pharos_edge_store_errors_total'), 'code'), legend: 'edge: {{code}}' },
            { expr: sum(rate('pharos_edge_presence_errors_total'), 'code'), legend: 'presence on edges: {{code}}' },
            { expr: sum(rate('pharos_history_store_errors_total'), 'code'), legend: 'history: {{code}}' },
            { expr: sum(rate('pharos_presence_errors_total'), 'code'), legend: 'presence: {{code}}' },
          ],
        },
      ],
    },
    {
      title: 'Presence',
      panels: [
        {
          title: 'Members and what waits',
          description:
            'Members that are connected, and changes that are not in the store yet. Bad: waiting that grows.',
          unit: 'short',
          limits: 'none',
          queries: [
            { expr: sum(metric('pharos_edge_presence_members')), legend: 'members' },
            { expr: sum(metric('pharos_edge_presence_changes_waiting')), legend: 'changes that wait' },
            { expr: sum(metric('pharos_edge_lifecycle_waiting')), legend: 'joins and leaves that wait' },
          ],
        },
        {
          title: 'Presence commands',
          description: 'Of clients, by outcome. Bad: any but ok.',
          unit: 'ops',
          limits: 'none',
          queries: [
            {
              expr: sum(rate('pharos_edge_presence_reads_total'), 'command, outcome'),
              legend: '{{command}} {{outcome}}',
            },
          ],
        },
        {
          title: 'Reaped',
          description:
            'Edges that died without a word, and members that were taken out for them. Bad: without a crash: edges that pause for longer than their lease.',
          unit: 'ops',
          limits: { warn: 0.01, bad: 10 },
          queries: [
            { expr: sum(rate('pharos_presence_reaped_total')), legend: 'edges' },
            { expr: sum(rate('pharos_presence_leaves_total'), 'outcome'), legend: 'leaves {{outcome}}' },
          ],
        },
        {
          title: 'Since the last look at leases',
          description: 'Of the presence service. Bad: beyond half a minute: dead edges keep their members.',
          unit: 's',
          limits: { warn: 15, bad: 30 },
          queries: [{ expr: `min(${metric('pharos_presence_last_look_age_seconds')})`, legend: 'seconds' }],
        },
        {
          title: 'Edges by state',
          description: 'By their leases. Bad: absent for long, or fewer alive than there are.',
          unit: 'short',
          limits: 'none',
          queries: [{ expr: `max by (state) (${metric('pharos_presence_nodes')})`, legend: '{{state}}' }],
        },
        {
          title: 'Members written anew',
          description:
            'Times that an edge wrote all its members. Bad: any outside an outage of Redis; buried: an edge that lives was taken for dead; overdue: Redis takes changes too slowly.',
          unit: 'ops',
          limits: { warn: 0.01, bad: 1 },
          queries: [{ expr: sum(rate('pharos_edge_presence_announcements_total'), 'reason'), legend: '{{reason}}' }],
        },
        {
          title: 'Joins and leaves that could not be published',
          description: 'At one try, by error code; they are tried again. Bad: any that last: what waits is bounded.',
          unit: 'ops',
          limits: { warn: 0.01, bad: 1 },
          queries: [
            { expr: sum(rate('pharos_edge_lifecycle_publish_errors_total'), 'code'), legend: 'edge: {{code}}' },
            { expr: sum(rate('pharos_presence_publish_errors_total'), 'code'), legend: 'presence: {{code}}' },
          ],
        },
        {
          title: 'Joins and leaves',
          description: 'Written to their topics and received from there. Bad: invalid; repeated is harmless.',
          unit: 'ops',
          limits: 'none',
          queries: [
            { expr: sum(rate('pharos_edge_lifecycle_published_total'), 'type'), legend: 'written: {{type}}' },
            { expr: sum(rate('pharos_edge_lifecycle_received_total'), 'kind'), legend: 'received: {{kind}}' },
          ],
        },
      ],
    },
  ],
};
