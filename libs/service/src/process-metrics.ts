import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

import {
  type Counter,
  createRegistry,
  type Gauge,
  type MetricDescription,
  Metrics,
  type Readiness,
} from '@pharos/telemetry';

import { pharosVersion } from './version.ts';

/**
 * What a process may use of memory before the kernel ends it, in bytes; 0: no limit is known.
 * @param constrained as `process.constrainedMemory()` has it: of its control group, where none is set a number beyond all that there is
 * @param there memory of the machine, in bytes
 */
export function memoryLimit(constrained: number | undefined, there: number): number {
  return constrained === undefined || constrained > there ? 0 : constrained;
}

/** What every process counts beside its services. */
export class ProcessMetrics {
  readonly configReloads: Counter<'outcome'>;
  readonly configRefused: Gauge;
  readonly certificateReloads: Counter<'outcome'>;
  readonly certificateExpiry: Gauge;
  /** Asked at each scrape; set by whoever has the service. */
  readReadiness: () => Readiness = () => ({ ready: false, reasons: [] });

  /** @param service what the process serves: `edge`, `api`, … */
  constructor(metrics: Metrics, service: string) {
    metrics
      .gauge({
        name: 'pharos_build_info',
        help: 'Always 1; what runs here is in the labels.',
        labels: ['service', 'version'],
      })
      .set({ service, version: pharosVersion }, 1);
    metrics.gauge({
      name: 'pharos_ready',
      help: 'Whether the process says at /health/ready that it is ready: 1 or 0.',
      collect: (gauge) => gauge.set(this.readReadiness().ready ? 1 : 0),
    });
    metrics.gauge({
      name: 'pharos_draining',
      help: 'Whether the process is on its way out, after SIGTERM: 1 or 0.',
      collect: (gauge) => gauge.set(this.readReadiness().reasons.includes('draining') ? 1 : 0),
    });
    metrics.gauge({
      name: 'pharos_process_heap_limit_bytes',
      help: 'What the JavaScript heap may grow to (--max-old-space-size and what comes with it); at it the process ends.',
      collect: (gauge) => gauge.set(getHeapStatistics().heap_size_limit),
    });
    metrics.gauge({
      name: 'pharos_process_memory_limit_bytes',
      help: 'What the process may use of memory (the limit of its container), heap and all else; at it the kernel ends the process. 0: no limit.',
      collect: (gauge) => gauge.set(memoryLimit(process.constrainedMemory(), totalmem())),
    });
    metrics.counter({
      name: 'pharos_process_event_loop_active_seconds_total',
      help: 'Time that the event loop had work. Its rate is the share of one core that is in use: at 1 nothing is left.',
      total: () => performance.eventLoopUtilization().active / 1000,
    });
    this.configReloads = metrics.counter({
      name: 'pharos_config_reloads_total',
      help: 'SIGHUPs, by what came of them: applied, unchanged, refused (the new configuration has mistakes, or can not be used; the old one goes on).',
      labels: ['outcome'],
    });
    this.configRefused = metrics.gauge({
      name: 'pharos_config_refused',
      help: 'Whether the last new configuration was refused, so that the process goes on with an older one: 1 or 0.',
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
    // Alerts take the increase: a series that is first seen with its first event has none.
    for (const outcome of ['applied', 'unchanged', 'refused']) this.configReloads.inc({ outcome }, 0);
    for (const outcome of ['applied', 'refused']) this.certificateReloads.inc({ outcome }, 0);
  }
}

/** Every metric of a process, for the reference. */
export function describeProcessMetrics(): MetricDescription[] {
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  void new ProcessMetrics(metrics, 'edge');
  return metrics.describe();
}
