import { prepareCompression } from '../compression/compression.ts';
import { PulsarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { PulsarMetrics } from '../metrics.ts';
import type { Access } from './access.ts';
import { Connection } from './connection.ts';
import { authorityOf, type ServiceAddress } from './service-url.ts';

export interface PoolOptions {
  readonly connectTimeoutMs: number;
  readonly operationTimeoutMs: number;
  readonly keepAliveIntervalMs: number;
  readonly connectionsPerBroker: number;
  readonly logger: Logger;
  readonly metrics: PulsarMetrics;
}

/** Where a connection goes: to a broker, or to a proxy that goes on to it. */
export interface Destination {
  readonly address: ServiceAddress;
  readonly access: Access;
  /** Address of the broker behind the proxy at `address`; where it is that address itself, there is none between. */
  readonly brokerBehindProxy?: ServiceAddress | undefined;
}

interface Slots {
  readonly connections: Map<number, Promise<Connection>>;
  turn: number;
}

/** The client's connections, each shared by all that need its broker. */
export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #destinations = new Map<Access, Map<string, Slots>>();
  readonly #closing = new AbortController();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** The connection for questions to the destination, opened where there is none. @throws PulsarError */
  get(destination: Destination): Promise<Connection> {
    return this.#slot(destination, this.#slotsOf(destination), 0);
  }

  /** A connection for a producer or consumer: each of the destination's in turn. @throws PulsarError */
  next(destination: Destination): Promise<Connection> {
    const slots = this.#slotsOf(destination);
    return this.#slot(destination, slots, slots.turn++ % this.#options.connectionsPerBroker);
  }

  /** Closes the connections that go by `access`; whoever is attached to them hears `reason`. */
  leave(access: Access, reason: PulsarError): void {
    const left = this.#destinations.get(access);
    this.#destinations.delete(access);
    for (const { connections } of left?.values() ?? []) {
      for (const opening of connections.values())
        opening.then(
          (connection) => connection.abort(reason),
          () => undefined,
        );
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new PulsarError('AlreadyClosed', 'the client was closed'));
    const all = [...this.#destinations.values()].flatMap((slots) => [...slots.values()]);
    this.#destinations.clear();
    const settled = await Promise.allSettled(all.flatMap(({ connections }) => [...connections.values()]));
    for (const result of settled) if (result.status === 'fulfilled') result.value.close();
  }

  #slotsOf(destination: Destination): Slots {
    const { access } = destination;
    const key = keyOf(destination);
    let destinations = this.#destinations.get(access);
    if (destinations === undefined) {
      destinations = new Map();
      this.#destinations.set(access, destinations);
    }
    let slots = destinations.get(key);
    if (slots === undefined) {
      slots = { connections: new Map(), turn: 0 };
      destinations.set(key, slots);
    }
    return slots;
  }

  #slot(destination: Destination, { connections }: Slots, slot: number): Promise<Connection> {
    const { signal } = this.#closing;
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const known = connections.get(slot);
    if (known !== undefined) return known;
    const opening = this.#open(destination, () => {
      if (connections.get(slot) !== opening) return;
      connections.delete(slot);
      // Brokers come and go under new addresses.
      if (connections.size === 0) this.#forget(destination, connections);
    });
    connections.set(slot, opening);
    return opening;
  }

  #forget(destination: Destination, connections: Slots['connections']): void {
    const destinations = this.#destinations.get(destination.access);
    const key = keyOf(destination);
    if (destinations?.get(key)?.connections === connections) destinations.delete(key);
  }

  async #open(destination: Destination, forget: () => void): Promise<Connection> {
    const { address, access, brokerBehindProxy = address } = destination;
    const direct = brokerBehindProxy.url === address.url;
    const proxied = direct ? {} : { proxyToBroker: authorityOf(brokerBehindProxy) };
    try {
      const options = { ...this.#options, address, access, ...proxied };
      const opening = Connection.open(options, this.#closing.signal);
      const [connection] = await Promise.all([opening, prepareCompression()]);
      connection.onClosed(forget);
      return connection;
    } catch (error) {
      forget();
      throw error;
    }
  }
}

function keyOf({ address, brokerBehindProxy = address }: Destination): string {
  return `${address.url} ${brokerBehindProxy.url}`;
}
