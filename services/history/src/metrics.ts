import { type Counter, createRegistry, type Histogram, type MetricDescription, Metrics } from '@pharos/telemetry';

/** How far a lane's store is behind its log. */
export interface Lag {
  /** Messages that were seen and are not in the store. */
  readonly messages: number;
  /** Age of the oldest of them. */
  readonly seconds: number;
}

/** A log that this process takes part in. */
export interface FollowedLog {
  readonly lanes: number;
  /** Of the lanes that this process is active in. */
  readonly lags: readonly Lag[];
}

/** Why a lane is read again from what the store has. */
export type RewindReason = 'rolled_back' | 'emptied' | 'overtaken' | 'store' | 'log';

/** What the service counts. Labels come from closed sets, and `log` from the configuration. */
export class HistoryMetrics {
  readonly messages: Counter<'kind'>;
  readonly batches: Counter<'outcome'>;
  readonly appendSeconds: Histogram;
  readonly rebuilds: Counter<'reason'>;
  readonly rewinds: Counter<'reason'>;
  readonly lost: Counter;
  readonly rerouted: Counter<'outcome'>;
  readonly storeErrors: Counter<'code'>;
  /** Asked at each scrape; set by whoever has the logs. By their topics. */
  readLogs: () => ReadonlyMap<string, FollowedLog> = () => new Map();

  constructor(metrics: Metrics) {
    metrics.gauge({
      name: 'pharos_history_lanes',
      help: 'Lanes that the log has; as many are to be active, over all processes.',
      labels: ['log'],
      collect: (gauge) => {
        for (const [log, { lanes }] of this.readLogs()) gauge.set({ log }, lanes);
      },
    });
    metrics.gauge({
      name: 'pharos_history_lanes_active',
      help: 'Lanes that this process brings into the store; others stand by for them.',
      labels: ['log'],
      collect: (gauge) => this.#eachLog((log, lags) => gauge.set({ log }, lags.length)),
    });
    metrics.gauge({
      name: 'pharos_history_lag_messages',
      help: 'Messages of all active lanes that were seen in the log and are not in the store.',
      labels: ['log'],
      collect: (gauge) =>
        this.#eachLog((log, lags) =>
          gauge.set(
            { log },
            lags.reduce((sum, lag) => sum + lag.messages, 0),
          ),
        ),
    });
    metrics.gauge({
      name: 'pharos_history_lag_seconds',
      help: 'Age of the oldest message that was seen in the log and is not in the store.',
      labels: ['log'],
      collect: (gauge) =>
        this.#eachLog((log, lags) => gauge.set({ log }, Math.max(0, ...lags.map((lag) => lag.seconds)))),
    });
    this.messages = metrics.counter({
      name: 'pharos_history_messages_total',
      help: 'Messages that were looked at, by what they are: stored, removal, not_kept (a namespace without history, or it says so itself), mark, misplaced, unreadable (a chunk, or encrypted).',
      labels: ['kind'],
    });
    this.batches = metrics.counter({
      name: 'pharos_history_batches_total',
      help: 'Batches given to the store, by outcome: written, refused (its watermark is another one), failed.',
      labels: ['outcome'],
    });
    this.appendSeconds = metrics.histogram({
      name: 'pharos_history_append_seconds',
      help: 'Time that the store took for a batch.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    });
    this.rebuilds = metrics.counter({
      name: 'pharos_history_rebuilds_total',
      help: 'Lanes begun anew from the oldest message of the log, by reason: empty (the store had nothing of it), beyond (its watermark lay behind the end of the log), namespaces (some are to have history that had none).',
      labels: ['reason'],
    });
    this.rewinds = metrics.counter({
      name: 'pharos_history_rewinds_total',
      help: 'Lanes read again from what the store has, by reason: rolled_back (the store lost writes), emptied, overtaken (another process writes the lane), store (it failed), log (it failed).',
      labels: ['reason'],
    });
    this.lost = metrics.counter({
      name: 'pharos_history_lost_total',
      help: 'Messages that the log had dropped before they were in the store; who missed them is told so.',
    });
    this.rerouted = metrics.counter({
      name: 'pharos_history_rerouted_total',
      help: 'Messages without a key or in a wrong lane, by outcome: appended (to their right lane), too_large (they do not fit with their key).',
      labels: ['outcome'],
    });
    this.storeErrors = metrics.counter({
      name: 'pharos_history_store_errors_total',
      help: 'Calls of the store that failed, by code.',
      labels: ['code'],
    });
    for (const outcome of ['appended', 'too_large']) this.rerouted.inc({ outcome }, 0);
  }

  #eachLog(set: (log: string, lags: readonly Lag[]) => void): void {
    for (const [log, { lags }] of this.readLogs()) set(log, lags);
  }
}

/** Every metric of the service, for the reference. */
export function describeHistoryMetrics(): MetricDescription[] {
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  void new HistoryMetrics(metrics);
  return metrics.describe();
}
