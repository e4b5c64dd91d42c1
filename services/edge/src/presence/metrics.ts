import type { Counter, Gauge, Metrics } from '@pharos/telemetry';

interface Held {
  readonly members: number;
  readonly changes: number;
  readonly events: number;
}

/** What an edge counts of presence, joins and leaves. */
export class PresenceMetrics {
  readonly reads: Counter<'command' | 'outcome'>;
  readonly errors: Counter<'code'>;
  readonly announcements: Counter<'reason'>;
  readonly published: Counter<'type'>;
  readonly publishErrors: Counter<'code'>;
  readonly received: Counter<'kind'>;
  readonly lifecycleChannels: Gauge;
  readonly lifecycleSubscriptions: Gauge;
  /** Asked at each scrape; set by whoever has the members. */
  read: () => Held = () => ({ members: 0, changes: 0, events: 0 });

  constructor(metrics: Metrics) {
    const gauge = (name: string, help: string, value: (held: Held) => number): void => {
      metrics.gauge({ name, help, collect: (made) => made.set(value(this.read())) });
    };
    gauge('pharos_edge_presence_members', 'Members of channels that are connected here.', ({ members }) => members);
    gauge(
      'pharos_edge_presence_changes_waiting',
      'Joins, leaves and settlements that are not in the presence store yet.',
      ({ changes }) => changes,
    );
    gauge('pharos_edge_lifecycle_waiting', 'Joins and leaves that are not in their topic yet.', ({ events }) => events);
    this.reads = metrics.counter({
      name: 'pharos_edge_presence_reads_total',
      help: 'Commands presence and presence_stats that were allowed, by outcome: ok, or the error code of the store.',
      labels: ['command', 'outcome'],
    });
    this.errors = metrics.counter({
      name: 'pharos_edge_presence_errors_total',
      help: 'Writes that the presence store failed, by its error code; those that may succeed later are tried again.',
      labels: ['code'],
    });
    this.announcements = metrics.counter({
      name: 'pharos_edge_presence_announcements_total',
      help: 'Times that all members were written anew: lease (the store was emptied, or away for long), connection (it was lost), buried (this edge was taken for dead), overdue (too many changes waited).',
      labels: ['reason'],
    });
    for (const reason of ['lease', 'connection', 'buried', 'overdue']) this.announcements.inc({ reason }, 0);
    this.published = metrics.counter({
      name: 'pharos_edge_lifecycle_published_total',
      help: 'Joins and leaves written to their topic.',
      labels: ['type'],
    });
    this.publishErrors = metrics.counter({
      name: 'pharos_edge_lifecycle_publish_errors_total',
      help: 'Joins and leaves that could not be written at one try, by error code of the bus.',
      labels: ['code'],
    });
    this.received = metrics.counter({
      name: 'pharos_edge_lifecycle_received_total',
      help: 'Messages of lifecycle topics that subscribers here wait for: join, leave, repeated (dropped: its id came before), invalid (no event; dropped).',
      labels: ['kind'],
    });
    this.lifecycleChannels = metrics.gauge({
      name: 'pharos_edge_lifecycle_channels',
      help: 'Channels with at least one subscriber here that is sent joins and leaves.',
    });
    this.lifecycleSubscriptions = metrics.gauge({
      name: 'pharos_edge_lifecycle_subscriptions',
      help: 'Subscriptions that are sent joins and leaves.',
    });
  }
}
