import type { Bus } from '@pharos/bus';
import {
  type ChannelConfig,
  isChannelName,
  keepsHistory,
  keepingLogs,
  type LivingLog,
  Namespaces,
  openNamespaces,
} from '@pharos/channels';
import { changedSettings } from '@pharos/config';
import type { HistoryStore, StoreLimits } from '@pharos/history';
import type { Identity, Prepared, ReloadableService } from '@pharos/service';
import type { Logger, Metrics, Readiness, Tracing } from '@pharos/telemetry';

import type { LimitsOf } from './lane-batch.ts';
import { LogWorker } from './log-worker.ts';
import { HistoryMetrics } from './metrics.ts';

/** What the service is made of; whoever makes it owns bus and store, and closes them afterwards. */
export interface HistoryServiceParts {
  readonly channel: ChannelConfig;
  /** What may wait for the store, over all lanes, in bytes. */
  readonly queueBytes: number;
  /** How often it is looked whether the store still has a lane that nothing comes in. @default 5000 */
  readonly lookMs?: number;
  readonly identity: Identity;
  readonly bus: Bus;
  readonly store: HistoryStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing;
}

const defaultLookMs = 5_000;
/** However many lanes there are, each may have as much as a batch takes. */
const minLaneQueueBytes = 256 * 1024;

/**
 * Brings the recent publications of every log whose channels have history into the store, lane by lane, with others of its kind; and on every log
 * of several lanes misplaced messages to their right ones.
 */
export class HistoryService implements ReloadableService<{ readonly channel: ChannelConfig }> {
  readonly reloads: readonly string[] = ['channel'];
  readonly #parts: HistoryServiceParts;
  readonly #metrics: HistoryMetrics;
  readonly #stopping = new AbortController();
  #logs: readonly LogWorker[] = [];
  #channel: ChannelConfig;
  #namespaces: Namespaces | undefined;
  /** Workers of the namespaces before, on their way out. */
  #leaving: Promise<void> = Promise.resolve();
  #state: 'starting' | 'running' | 'stopped' = 'starting';
  #stopped: Promise<void> | undefined;
  /** Why the logs aren't open yet; empty until the first try has failed. */
  #waitsFor = '';

  constructor(parts: HistoryServiceParts) {
    this.#parts = parts;
    this.#channel = parts.channel;
    this.#metrics = new HistoryMetrics(parts.metrics);
    this.#metrics.readLogs = () => new Map(this.#logs.map((log) => [log.topic, log]));
  }

  /** Neither Redis nor, once it has begun, Pulsar counts: it waits for them, and no other would do better. */
  readiness(): Readiness {
    const reasons: string[] = [];
    if (this.#state === 'starting') reasons.push(`starting: the logs are not open yet${this.#waitsFor}`);
    if (this.#state === 'stopped') reasons.push('draining');
    return { ready: reasons.length === 0, reasons };
  }

  async run(): Promise<void> {
    const namespaces = await this.#openNamespaces();
    if (namespaces === undefined || this.#stopping.signal.aborted) return;
    this.#state = 'running';
    this.#follow(namespaces);
  }

  /** Where channels have changed, the workers are exchanged: what those before them have written is where the next go on. */
  async prepareReload(next: { readonly channel: ChannelConfig }): Promise<Prepared> {
    const { bus, logger } = this.#parts;
    const { channel, kept } = keepingLogs(this.#channel, next.channel);
    const { without_namespace: without, namespaces: named } = channel;
    const namespaces = await Namespaces.open(bus, without, named, { previous: this.#namespaces });
    const take = (): void => {
      if (this.#stopping.signal.aborted) return;
      if (kept.length > 0) logger.warn({ kept }, `only a restart changes these: ${kept.join(', ')}`);
      if (changedSettings(this.#channel, channel).length === 0) return;
      this.#channel = channel;
      const before = this.#logs;
      this.#logs = [];
      this.#leaving = this.#exchange(before, namespaces);
    };
    return { take, discard: () => namespaces.discard() };
  }

  async #exchange(before: readonly LogWorker[], namespaces: Namespaces): Promise<void> {
    await Promise.all([this.#leaving, ...before.map((log) => log.stop())]);
    if (!this.#stopping.signal.aborted) this.#follow(namespaces);
  }

  #follow(namespaces: Namespaces): void {
    const { logger, store, identity, queueBytes, tracing } = this.#parts;
    this.#namespaces = namespaces;
    // On several lanes messages can be misplaced, whether or not anything is kept.
    const recoverable = namespaces.recoverableLogs;
    const logs = [...namespaces.logs].filter((log) => recoverable.has(log) || log.lanes > 1);
    if (recoverable.size === 0)
      logger.warn('no namespace has history: history_size and history_ttl are 0 in all of them');
    const lanes = logs.reduce((sum, log) => sum + log.lanes, 0);
    this.#logs = logs.map((log) => {
      for (const limitation of log.limitations) logger.warn({ topic: log.topic }, limitation);
      return new LogWorker({
        log,
        member: `${identity.name}-${identity.boot}`,
        store,
        namespaces: namespaces.withHistory(log),
        limitsOf: limitsIn(namespaces, log),
        lookMs: this.#parts.lookMs ?? defaultLookMs,
        queueBytes: Math.max(minLaneQueueBytes, Math.floor(queueBytes / lanes)),
        metrics: this.#metrics,
        logger,
        ...(tracing === undefined ? {} : { tracing }),
      });
    });
    for (const log of this.#logs) log.run();
    logger.info({ logs: logs.map(({ topic }) => topic), lanes, store: store.kind }, 'logs are followed');
  }

  async drain(): Promise<void> {
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#stopping.abort();
    this.#stopped ??= this.#leaving.then(() => Promise.all(this.#logs.map((log) => log.stop()))).then(() => undefined);
    await this.#stopped;
  }

  #openNamespaces(): Promise<Namespaces | undefined> {
    const { bus, channel, logger } = this.#parts;
    return openNamespaces({
      ...{ bus, channel, logger, signal: this.#stopping.signal, lifecycle: false },
      onWaiting: (reason) => (this.#waitsFor = `: ${reason}`),
    });
  }
}

/** Of channels of that log alone: elsewhere nobody looks for them. */
function limitsIn(namespaces: Namespaces, log: LivingLog): LimitsOf {
  const known = new Map<string, StoreLimits>();
  return (channel) => {
    const namespace = namespaces.find(channel);
    if (namespace?.log !== log || !keepsHistory(namespace.options) || !isChannelName(channel)) return undefined;
    let limits = known.get(namespace.name);
    if (limits === undefined) {
      const { history_size: size, history_ttl: ttlMs, history_meta_ttl: metaTtlMs } = namespace.options;
      limits = { size, ttlMs, metaTtlMs };
      known.set(namespace.name, limits);
    }
    return limits;
  };
}
