import type { Connection } from './connection/connection.ts';
import { ConnectionPool, type PoolOptions } from './connection/pool.ts';
import { PulsarError } from './errors.ts';
import type { Logger } from './logger.ts';
import { Lookup } from './lookup/lookup.ts';

export interface ClientCoreOptions extends PoolOptions {
  readonly serviceUrl: string;
}

/** Anything that lives as long as its client at most: producers, consumers, readers. */
export interface ClientResource {
  close(): Promise<unknown>;
}

/** What producers and consumers share of their client: brokers, ids, the logger; and who is to be closed with it. */
export class ClientCore {
  readonly logger: Logger;
  readonly operationTimeoutMs: number;
  readonly lookup: Lookup;
  readonly #pool: ConnectionPool;
  readonly #resources = new Set<ClientResource>();
  #nextProducerId = 0;
  #nextConsumerId = 0;
  #closed = false;

  constructor(options: ClientCoreOptions) {
    this.logger = options.logger;
    this.operationTimeoutMs = options.operationTimeoutMs;
    this.#pool = new ConnectionPool(options);
    this.lookup = new Lookup(options.serviceUrl, this.#pool);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** A connection to the broker that serves one topic (full name, plain or a partition). */
  connectionFor(topic: string): Promise<Connection> {
    return this.lookup.connectionFor(topic);
  }

  newProducerId(): number {
    return this.#nextProducerId++;
  }

  newConsumerId(): number {
    return this.#nextConsumerId++;
  }

  /** Has the resource closed with the client. @throws PulsarError `AlreadyClosed` */
  add(resource: ClientResource): void {
    if (this.#closed) throw new PulsarError('AlreadyClosed', 'the client was closed');
    this.#resources.add(resource);
  }

  remove(resource: ClientResource): void {
    this.#resources.delete(resource);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled([...this.#resources].map((resource) => resource.close()));
    await this.#pool.close();
  }
}
