import { type Counter, createRegistry, type Gauge, type MetricDescription, Metrics } from '@pharos/telemetry';

/** What every process counts beside its services. */
export class ProcessMetrics {
  readonly configReloads: Counter<'outcome'>;
  readonly certificateReloads: Counter<'outcome'>;
  readonly certificateExpiry: Gauge;

  constructor(metrics: Metrics) {
    this.configReloads = metrics.counter({
      name: 'pharos_config_reloads_total',
      help: 'SIGHUPs, by what came of them: applied, unchanged, refused (the new configuration has mistakes, or can not be used; the old one goes on).',
      labels: ['outcome'],
    });
    this.certificateReloads = metrics.counter({
      name: 'pharos_tls_certificate_reloads_total',
      help: "Changes of the listener's certificate files, by outcome: applied, refused (the old certificate stays in use).",
      labels: ['outcome'],
    });
    this.certificateExpiry = metrics.gauge({
      name: 'pharos_tls_certificate_expiry_timestamp_seconds',
      help: "Until when the listener's certificate is valid, in seconds since 1970; 0 without TLS.",
    });
  }
}

/** Every metric of a process, for the reference. */
export function describeProcessMetrics(): MetricDescription[] {
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  void new ProcessMetrics(metrics);
  return metrics.describe();
}
