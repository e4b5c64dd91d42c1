import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@pharos/errors';
import { Backoff, DeadlineExceeded, withDeadline } from '@pharos/lifecycle';
import type { ClusterSettings } from './cluster-settings.ts';
import type { Access } from './connection/access.ts';
import { ClusterFailover, type FailoverSettings } from './connection/cluster-failover.ts';
import type { Connection } from './connection/connection.ts';
import { addressFor, type Move, urlFor } from './connection/move.ts';
import { ConnectionPool, type PoolOptions } from './connection/pool.ts';
import { Service } from './connection/service.ts';
import { PulsarError } from './errors.ts';
import type { Logger } from './logger.ts';
import { type BrokerAddress, Lookup } from './lookup/lookup.ts';
import type { PulsarMetrics } from './metrics.ts';

export interface ClientCoreOptions extends PoolOptions {
  /** The primary first. */
  readonly clusters: readonly [ClusterSettings, ...ClusterSettings[]];
  readonly failover: FailoverSettings | undefined;
  readonly listenerName: string | undefined;
  readonly maxLookups: number;
  /** 0: never. */
  readonly partitionsUpdateIntervalMs: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
}

/** Where a producer or consumer attaches. */
export interface Route {
  /** The cluster that its topic has moved to. @default the client's */
  readonly service?: Service | undefined;
  /** The broker that has the topic, so that nobody has to be asked. */
  readonly broker?: BrokerAddress | undefined;
}

/** Anything that lives as long as its client at most: producers, consumers, readers. */
export interface ClientResource {
  close(): Promise<unknown>;
}

/** What producers and consumers share of their client: brokers, ids, the logger; and who is to be closed with it. */
export class ClientCore {
  readonly logger: Logger;
  readonly metrics: PulsarMetrics;
  readonly operationTimeoutMs: number;
  readonly partitionsUpdateIntervalMs: number;
  readonly #lookup: Lookup;
  readonly #clusters: ClusterFailover | undefined;
  readonly #primary: Service;
  readonly #options: ClientCoreOptions;
  readonly #pool: ConnectionPool;
  readonly #resources = new Set<ClientResource>();
  readonly #givingUp = new Set<() => void>();
  readonly #closing = new AbortController();
  #nextProducerId = 0;
  #nextConsumerId = 0;

  constructor(options: ClientCoreOptions) {
    this.logger = options.logger;
    this.metrics = options.metrics;
    this.operationTimeoutMs = options.operationTimeoutMs;
    this.partitionsUpdateIntervalMs = options.partitionsUpdateIntervalMs;
    this.#options = options;
    this.#pool = new ConnectionPool(options);
    this.#lookup = new Lookup(options, this.#pool);
    const [primary, ...secondary] = options.clusters;
    this.#primary = this.#newService(primary.serviceUrl, primary.access);
    this.#clusters = options.failover && this.#chooseAmong(secondary, options.failover);
    this.#clusters?.start();
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** The cluster that is used now. */
  get #service(): Service {
    return this.#clusters?.current ?? this.#primary;
  }

  /** A connection to the broker that serves one topic (full name, plain or a partition). */
  connectionFor(topic: string, { service = this.#service, broker }: Route = {}): Promise<Connection> {
    if (broker !== undefined) return this.#lookup.connectionTo(broker, service);
    return this.#lookup.connectionFor(topic, service);
  }

  /** Where a broker sends a producer or consumer of `connection`; `undefined` where it named nothing that we may go to. */
  routeOf(move: Move, connection: Connection, { service }: Route): Route | undefined {
    const { secure, access } = service ?? this.#service;
    if (move.to === 'broker') {
      const address = addressFor(move, secure);
      return address && { service, broker: { address, behindProxy: connection.behindProxy } };
    }
    const url = urlFor(move, secure);
    return url === undefined ? undefined : { service: this.#newService(url, access) };
  }

  /** How many partitions a topic has, asked once; 0: plain, or not there. @throws PulsarError */
  partitionsNow(topic: string): Promise<number> {
    return this.#lookup.partitionsOf(topic, this.#service);
  }

  /** How many partitions a topic has, asked until the operation timeout is over; 0: plain, or not there. @throws PulsarError */
  partitionsOf(topic: string): Promise<number> {
    return this.untilAnswered(`looking up the partitions of ${topic}`, () => this.partitionsNow(topic));
  }

  /** Asks, and asks again where that can help, until the operation timeout is over. @throws PulsarError the last reason why not */
  async untilAnswered<T>(what: string, ask: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.operationTimeoutMs;
    const backoff = this.newBackoff();
    let last: PulsarError | undefined;
    for (;;) {
      try {
        const left = Math.max(1, Math.round(deadline - performance.now()));
        return await withDeadline(ask(), left, what);
      } catch (error) {
        const delayMs = backoff.next();
        if (error instanceof DeadlineExceeded) throw last ?? this.noAnswer(what);
        const retryable = error instanceof PulsarError && error.retryable && !this.closed;
        if (!retryable || performance.now() + delayMs > deadline) throw error;
        last = error;
        this.logger.warn({ reason: describeError(error), delayMs }, `${what}: no answer yet`);
        await delay(delayMs, undefined, { signal: this.#closing.signal }).catch(() => this.#mustBeOpen());
      }
    }
  }

  /** For an operation whose time is up before anything else went wrong. */
  noAnswer(what: string): PulsarError {
    const text = `${what}: no answer from ${this.#service.url} within ${this.operationTimeoutMs} ms`;
    return new PulsarError('Timeout', text);
  }

  #newService(url: string, access: Access): Service {
    return new Service(url, access, () => this.newBackoff());
  }

  #chooseAmong(secondary: readonly ClusterSettings[], failover: FailoverSettings): ClusterFailover {
    return new ClusterFailover({
      ...failover,
      primary: this.#primary,
      secondary: secondary.map(({ serviceUrl, access }) => this.#newService(serviceUrl, access)),
      probe: (service) => service.reach((destination) => this.#pool.get(destination)),
      switched: (from, to) => {
        const reason = new PulsarError('NotConnected', `the client goes on at ${to.url}`);
        this.#pool.leave(from.access, reason);
      },
      logger: this.logger,
    });
  }

  newProducerId(): number {
    return this.#nextProducerId++;
  }

  newConsumerId(): number {
    return this.#nextConsumerId++;
  }

  newBackoff(): Backoff {
    return new Backoff({ initialMs: this.#options.initialBackoffMs, maxMs: this.#options.maxBackoffMs });
  }

  /** Calls what the application gave us; what it throws is its defect, and must not break a connection that others share. */
  callOut(callback: () => unknown): void {
    const failed = (error: unknown): void => this.logger.error({ err: error }, 'a callback of the application failed');
    try {
      const result = callback();
      // An async function is a callback too; it isn't waited for.
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Has the resource closed with the client. @throws PulsarError `AlreadyClosed` */
  add(resource: ClientResource): void {
    this.#mustBeOpen();
    this.#resources.add(resource);
  }

  remove(resource: ClientResource): void {
    this.#resources.delete(resource);
  }

  /** Calls back when the client, which is being closed, waits no longer for what is under way. */
  onGivingUp(callback: () => void): { stop(): void } {
    this.#givingUp.add(callback);
    return { stop: () => void this.#givingUp.delete(callback) };
  }

  /** @param timeoutMs for what its producers have under way; then that fails, and the connections are closed. */
  async close(timeoutMs: number | undefined): Promise<void> {
    if (this.closed) return;
    this.#closing.abort();
    this.#clusters?.stop();
    const closing = Promise.allSettled([...this.#resources].map((resource) => resource.close()));
    if (timeoutMs === undefined) await closing;
    else await withDeadline(closing, timeoutMs, 'closing the client').catch(() => this.#giveUp());
    await this.#pool.close();
  }

  /** Who has no connection would hear of it late, or when its messages have run out of time. */
  #giveUp(): void {
    for (const callback of [...this.#givingUp]) callback();
  }

  #mustBeOpen(): void {
    if (this.closed) throw new PulsarError('AlreadyClosed', 'the client was closed');
  }
}
