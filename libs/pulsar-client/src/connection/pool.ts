import { prepareCompression } from '../compression/compression.ts';
import { PulsarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { PulsarMetrics } from '../metrics.ts';
import { Connection } from './connection.ts';
import { parseServiceUrl } from './service-url.ts';

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
  readonly url: string;
  /** Service URL of the broker behind the proxy at `url`. */
  readonly brokerBehindProxy?: string;
}

/** The client's connections, each shared by all that need its broker. */
export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #connections = new Map<string, Promise<Connection>>();
  #turn = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** A connection to the destination, opened where there is none. @throws PulsarError */
  get(destination: Destination): Promise<Connection> {
    if (this.#closed) return Promise.reject(new PulsarError('AlreadyClosed', 'the client was closed'));
    const slot = this.#turn++ % this.#options.connectionsPerBroker;
    const key = `${destination.url} ${destination.brokerBehindProxy ?? ''} ${slot}`;
    const known = this.#connections.get(key);
    if (known !== undefined) return known;
    const opening = this.#open(destination, () => {
      if (this.#connections.get(key) === opening) this.#connections.delete(key);
    });
    this.#connections.set(key, opening);
    return opening;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    const settled = await Promise.allSettled(connections);
    for (const result of settled) if (result.status === 'fulfilled') result.value.close();
  }

  async #open(destination: Destination, forget: () => void): Promise<Connection> {
    const { host, port } = parseServiceUrl(destination.url);
    const behind = destination.brokerBehindProxy;
    try {
      const opening = Connection.open({
        ...this.#options,
        host,
        port,
        url: destination.url,
        ...(behind === undefined ? {} : { proxyToBroker: addressOf(behind) }),
      });
      const [connection] = await Promise.all([opening, prepareCompression()]);
      connection.onClosed(forget);
      return connection;
    } catch (error) {
      forget();
      throw error;
    }
  }
}

function addressOf(url: string): string {
  const { host, port } = parseServiceUrl(url);
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
