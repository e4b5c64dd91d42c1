import { type Bus, BusError } from '@pharos/bus';
import {
  type ChannelConfig,
  keepingLogs,
  leaveEvent,
  LifecyclePublisher,
  type LivingLog,
  Namespaces,
  openNamespaces,
} from '@pharos/channels';
import { type Leave, type NodeStatus, PresenceError, type PresenceStore, Reaper } from '@pharos/presence';
import type { Prepared, ReloadableService } from '@pharos/service';
import type { Logger, Metrics, Readiness } from '@pharos/telemetry';

import { PresenceServiceMetrics } from './metrics.ts';

/** What the service is made of; whoever makes it owns bus and store, and closes them afterwards. */
export interface PresenceServiceParts {
  readonly channel: ChannelConfig;
  readonly leaseMs: number;
  /** How long one try to publish a leave may wait for the log. */
  readonly publishTimeoutMs: number;
  readonly bus: Bus;
  readonly store: PresenceStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Takes out the members of edges that died, and publishes their leaves where the namespace has join_leave. Any number may run. */
export class PresenceService implements ReloadableService<{ readonly channel: ChannelConfig }> {
  readonly reloads: readonly string[] = ['channel'];
  readonly #parts: PresenceServiceParts;
  readonly #metrics: PresenceServiceMetrics;
  readonly #publisher: LifecyclePublisher;
  readonly #reaper: Reaper;
  readonly #stopping = new AbortController();
  #namespaces: Namespaces | undefined;
  #channel: ChannelConfig;
  #state: 'starting' | 'running' | 'stopped' = 'starting';
  /** Why the logs aren't open yet; empty until the first try has failed. */
  #waitsFor = '';
  #lastLookMs: number = performance.now();
  #isFailing = false;

  constructor(parts: PresenceServiceParts) {
    this.#parts = parts;
    this.#channel = parts.channel;
    const { store, leaseMs, logger, publishTimeoutMs: deadlineMs } = parts;
    const metrics = new PresenceServiceMetrics(parts.metrics);
    this.#metrics = metrics;
    metrics.secondsSinceLook = () => (performance.now() - this.#lastLookMs) / 1000;
    this.#publisher = new LifecyclePublisher({
      deadlineMs,
      onPublished: () => metrics.leaves.inc({ outcome: 'published' }),
      onError: (error) => {
        metrics.publishErrors.inc({ code: error.code });
        logger.debug({ err: error }, 'a leave could not be published');
      },
    });
    this.#reaper = new Reaper(store, {
      leaseMs,
      publish: (leaves) => this.#publish(leaves),
      onLook: (nodes) => this.#looked(nodes),
      onReaped: ({ node, generation }) => {
        metrics.reaped.inc();
        logger.info({ node, generation }, 'an edge was gone for longer than its lease; its members are taken out');
      },
      onError: (error) => this.#failed(error),
    });
  }

  /** Neither Redis nor, once it has begun, Pulsar counts: it waits for them, and no other would do better. */
  readiness(): Readiness {
    const reasons: string[] = [];
    if (this.#state === 'starting') reasons.push(`starting: the logs are not open yet${this.#waitsFor}`);
    if (this.#state === 'stopped') reasons.push('draining');
    return { ready: reasons.length === 0, reasons };
  }

  async run(): Promise<void> {
    const { channel, logger, leaseMs, store } = this.#parts;
    const all = [channel.without_namespace, ...channel.namespaces];
    if (all.some(({ join_leave: told }) => told)) {
      this.#namespaces = await this.#openNamespaces();
      if (this.#namespaces === undefined) return;
    } else if (!all.some(({ presence }) => presence)) {
      logger.warn('no namespace has presence or join_leave: what is found dead is taken out, and nothing is published');
    }
    if (this.#isStopped()) return;
    this.#state = 'running';
    await this.#reaper.run();
    logger.info({ leaseMs, store: store.kind }, 'leases of edges are watched');
  }

  async prepareReload(next: { readonly channel: ChannelConfig }): Promise<Prepared> {
    const { bus, logger } = this.#parts;
    const { channel, kept } = keepingLogs(this.#channel, next.channel);
    const { without_namespace: without, namespaces: named } = channel;
    const isTold = [without, ...named].some(({ join_leave: told }) => told);
    const namespaces = isTold
      ? await Namespaces.open(bus, without, named, { lifecycle: true, previous: this.#namespaces })
      : undefined;
    const take = (): void => {
      if (kept.length > 0) logger.warn({ kept }, `only a restart changes these: ${kept.join(', ')}`);
      this.#channel = channel;
      this.#namespaces = namespaces;
    };
    return { take, discard: async () => namespaces?.discard() };
  }

  /** Ends after the channel that is being swept. */
  async drain(): Promise<void> {
    this.#state = 'stopped';
    this.#stopping.abort();
    await this.#reaper.drain();
  }

  /** Ends at once: what is not settled stays owed in the store, for whoever looks next. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#stopping.abort();
    this.#publisher.stop();
    await this.#reaper.stop();
  }

  #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #publish(leaves: readonly Leave[]): Promise<void> {
    await Promise.all(leaves.map((leave) => this.#publishOne(leave)));
  }

  async #publishOne(leave: Leave): Promise<void> {
    const log = this.#lifecycleOf(leave.channel);
    if (log === undefined) return this.#metrics.leaves.inc({ outcome: 'unannounced' });
    try {
      await this.#publisher.publish(log, leaveEvent(leave)).done;
    } catch (error) {
      // Tried again it would be refused again, and nobody's leaves after it would come.
      if (!(error instanceof BusError) || error.code !== 'too-large') throw error;
      this.#metrics.leaves.inc({ outcome: 'refused' });
      this.#parts.logger.error({ err: error, channel: leave.channel }, 'a leave is larger than the log takes');
    }
  }

  #lifecycleOf(channel: string): LivingLog | undefined {
    return this.#namespaces?.find(channel)?.lifecycle;
  }

  #looked(nodes: readonly NodeStatus[]): void {
    const alive = nodes.filter(({ lease }) => lease !== undefined).length;
    this.#metrics.nodes.set({ state: 'alive' }, alive);
    this.#metrics.nodes.set({ state: 'absent' }, nodes.length - alive);
    this.#metrics.looks.inc();
    this.#lastLookMs = performance.now();
    if (this.#isFailing) this.#parts.logger.info('leases can be looked at again');
    this.#isFailing = false;
  }

  #failed(error: Error): void {
    if (this.#isStopped()) return;
    this.#metrics.errors.inc({ code: error instanceof PresenceError ? error.code : 'log' });
    // Looks are frequent: an outage is told of when it begins and when it ends.
    if (!this.#isFailing) this.#parts.logger.error({ err: error }, 'a look at the leases failed; it is tried again');
    this.#isFailing = true;
  }

  #openNamespaces(): Promise<Namespaces | undefined> {
    const { bus, channel, logger } = this.#parts;
    return openNamespaces({
      ...{ bus, channel, logger, signal: this.#stopping.signal, lifecycle: true },
      onWaiting: (reason) => (this.#waitsFor = `: ${reason}`),
    });
  }
}
