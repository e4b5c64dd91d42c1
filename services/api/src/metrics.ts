import { ProxyMetrics } from '@pharos/proxies';
import {
  type Counter,
  createRegistry,
  type Gauge,
  type Histogram,
  type MetricDescription,
  Metrics,
} from '@pharos/telemetry';

/** What the server API counts. Labels come from closed sets. */
export class ApiMetrics {
  readonly requests: Counter<'method' | 'code'>;
  readonly seconds: Histogram<'method'>;
  readonly refused: Counter<'reason'>;
  readonly underWay: Gauge;
  readonly lanesAttached: Gauge;
  readonly positionsUnknown: Counter;
  readonly idempotent: Counter<'outcome'>;
  readonly commands: Counter<'outcome'>;
  readonly commandsUnderWay: Gauge;
  readonly commandSeconds: Histogram;
  readonly proxies: ProxyMetrics;

  constructor(metrics: Metrics) {
    this.proxies = new ProxyMetrics(metrics, 'api');
    this.requests = metrics.counter({
      name: 'pharos_api_requests_total',
      help: 'Commands of the server API, by method and by error code (0: it succeeded). Those of a batch count each.',
      labels: ['method', 'code'],
    });
    this.seconds = metrics.histogram({
      name: 'pharos_api_request_seconds',
      help: 'Time from a command to its answer, by method.',
      labels: ['method'],
      buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    });
    this.refused = metrics.counter({
      name: 'pharos_api_refused_total',
      help: 'Requests that were refused before their command was looked at: key (none, or a wrong one), scope, size, busy, draining.',
      labels: ['reason'],
    });
    this.underWay = metrics.gauge({ name: 'pharos_api_requests', help: 'Requests that are being worked on.' });
    this.lanesAttached = metrics.gauge({
      name: 'pharos_api_lanes_attached',
      help: 'Lanes that are followed, to tell where publications lie.',
    });
    this.positionsUnknown = metrics.counter({
      name: 'pharos_api_positions_unknown_total',
      help: 'Publications that the log has, whose offset could not be found out in time: they were answered without one.',
    });
    this.idempotent = metrics.counter({
      name: 'pharos_api_idempotent_total',
      help: 'Publishes with an idempotency key, by what came of it: published, repeated (it was published before), found (in the log, after whoever published it died), unknown (answered with error 100), failed (nothing was published).',
      labels: ['outcome'],
    });
    this.commands = metrics.counter({
      name: 'pharos_api_commands_total',
      help: 'Commands from the topic (commands.topic), by outcome: done, dead_letter (it can not be done), retried (a try that failed and is followed by another).',
      labels: ['outcome'],
    });
    this.commandsUnderWay = metrics.gauge({
      name: 'pharos_api_commands',
      help: 'Commands from the topic that are worked on, or wait for one of the same key.',
    });
    this.commandSeconds = metrics.histogram({
      name: 'pharos_api_command_seconds',
      help: 'Time from the publishing of a command to its being done.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300],
    });
    // Alerts take the increase: a series that is first seen with its first event has none.
    for (const outcome of ['done', 'retried', 'dead_letter']) this.commands.inc({ outcome }, 0);
  }
}

/** Every metric of the service, for the reference. */
export function describeApiMetrics(): MetricDescription[] {
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  void new ApiMetrics(metrics);
  return metrics.describe();
}
