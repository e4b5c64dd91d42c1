import { type Counter, createRegistry, type Gauge, type MetricDescription, Metrics } from '@pharos/telemetry';

/** What the presence service counts. */
export class PresenceServiceMetrics {
  readonly nodes: Gauge<'state'>;
  readonly looks: Counter;
  readonly reaped: Counter;
  readonly leaves: Counter<'outcome'>;
  readonly errors: Counter<'code'>;
  readonly publishErrors: Counter<'code'>;
  /** Asked at each scrape; set by whoever looks. */
  secondsSinceLook: () => number = () => 0;

  constructor(metrics: Metrics) {
    this.nodes = metrics.gauge({
      name: 'pharos_presence_nodes',
      help: 'Lives of edges that are known at the last look, by state: alive (it has its lease), absent (it has none, and is reaped when that lasts).',
      labels: ['state'],
    });
    this.looks = metrics.counter({
      name: 'pharos_presence_looks_total',
      help: 'Times that all leases were looked at.',
    });
    metrics.gauge({
      name: 'pharos_presence_last_look_age_seconds',
      help: 'Time since all leases were looked at; grows while the store is away.',
      collect: (gauge) => gauge.set(this.secondsSinceLook()),
    });
    this.reaped = metrics.counter({
      name: 'pharos_presence_reaped_total',
      help: 'Lives of edges whose members were all taken out, and their leaves published.',
    });
    this.leaves = metrics.counter({
      name: 'pharos_presence_leaves_total',
      help: 'Members taken out of presence, by outcome of their leaves: published, unannounced (the namespace has no join_leave), refused (the log never takes it).',
      labels: ['outcome'],
    });
    this.errors = metrics.counter({
      name: 'pharos_presence_errors_total',
      help: 'Looks and reapings that failed and are tried again, by error code of the store; log: a leave could not be published.',
      labels: ['code'],
    });
    this.publishErrors = metrics.counter({
      name: 'pharos_presence_publish_errors_total',
      help: 'Leaves that could not be published at one try, by error code of the bus.',
      labels: ['code'],
    });
  }
}

/** Every metric of the service, for the reference. */
export function describePresenceMetrics(): MetricDescription[] {
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  void new PresenceServiceMetrics(metrics);
  return metrics.describe();
}
