import type { Counter, Gauge, Histogram, Metrics } from '@pharos/telemetry';

/** What a service counts of the backends that it asks. `kind` is what is asked, `proxy` the name in the configuration. */
export class ProxyMetrics {
  readonly seconds: Histogram<'kind' | 'proxy'>;
  readonly calls: Counter<'kind' | 'proxy' | 'outcome'>;
  readonly inFlight: Gauge<'kind' | 'proxy'>;
  readonly retries: Counter<'kind' | 'proxy'>;
  /** Asked at each scrape; set by whoever has the proxies. */
  readWaiting:
    | (() => Iterable<{ readonly kind: string; readonly proxy: string; readonly waiting: number }>)
    | undefined;

  /** @param service as the names of its metrics have it */
  constructor(metrics: Metrics, service: string) {
    const labels = ['kind', 'proxy'] as const;
    const name = `pharos_${service}_proxy`;
    this.seconds = metrics.histogram({
      name: `${name}_seconds`,
      help: "Time that the application's backend took to answer, waiting for a connection included.",
      labels,
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    });
    this.calls = metrics.counter({
      name: `${name}_calls_total`,
      help: "Requests to the application's backend, by outcome: ok, error and disconnect (the backend decided so), else why there was no answer: queue_full, timeout, unreachable, broken, status, too_large, invalid, not_json, stopped.",
      labels: [...labels, 'outcome'],
    });
    this.inFlight = metrics.gauge({
      name: `${name}_calls_in_flight`,
      help: "Requests to the application's backend that are under way.",
      labels,
    });
    this.retries = metrics.counter({
      name: `${name}_retries_total`,
      help: 'Further tries to connect to the backend; a request that may have been sent is never sent again.',
      labels,
    });
    metrics.gauge({
      name: `${name}_calls_waiting`,
      help: 'Requests that wait for one of those under way to end (max_requests).',
      labels,
      collect: (gauge) => {
        for (const { kind, proxy, waiting } of this.readWaiting?.() ?? []) gauge.set({ kind, proxy }, waiting);
      },
    });
  }
}
