// A real broker that is reached over connections on which faults happen.
import { type FaultProxy, freePort, type PulsarServer, startProxy, startPulsar } from '@pharos/testkit';
import { Client } from '../../src/client.ts';
import type { ClientConfig } from '../../src/client-config.ts';

/** A broker's own port is one listener, each proxy is another: lookups keep a client on the way that it has chosen. */
export class FaultyBroker {
  readonly server: PulsarServer;
  readonly proxies: readonly FaultProxy[];
  readonly #clients: Client[] = [];

  private constructor(server: PulsarServer, proxies: readonly FaultProxy[]) {
    this.server = server;
    this.proxies = proxies;
  }

  /** @param settings of the broker, beside its addresses */
  static async start(proxyCount: number, settings: Readonly<Record<string, string>> = {}): Promise<FaultyBroker> {
    const brokerPort = await freePort();
    const target = `127.0.0.1:${brokerPort}`;
    const proxies = await Promise.all(Array.from({ length: proxyCount }, () => startProxy(target)));
    const listeners = proxies.map(({ address }, index) => `proxy${index}:pulsar://${address}`);
    const advertisedListeners = [`direct:pulsar://${target}`, ...listeners].join(',');
    const own = { advertisedListeners, internalListenerName: 'direct' };
    try {
      const server = await startPulsar({ brokerPort, overrides: { ...settings, ...own } });
      return new FaultyBroker(server, proxies);
    } catch (error) {
      // Their listeners would keep the process of a test that has failed.
      await Promise.all(proxies.map((proxy) => proxy.close()));
      throw error;
    }
  }

  /** A client that goes past the proxies. */
  direct(): Client {
    return this.#client({ serviceUrl: this.server.serviceUrl });
  }

  /** The proxy of that number, which makes the faults of its clients. */
  proxy(number: number): FaultProxy {
    const proxy = this.proxies[number];
    if (proxy === undefined) throw new RangeError(`proxy ${number} of ${this.proxies.length}`);
    return proxy;
  }

  /** A client whose connections all go through one proxy. */
  client(proxyNumber: number, config: Partial<ClientConfig> = {}): Client {
    return this.#client({
      serviceUrl: `pulsar://${this.proxy(proxyNumber).address}`,
      listenerName: `proxy${proxyNumber}`,
      ...config,
    });
  }

  /** Ends all clients too: those of a test that failed would try for ever to come back. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close(100)));
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
    await this.server.stop();
  }

  #client(config: ClientConfig): Client {
    const client = new Client({ initialBackoffMs: 1, maxBackoffMs: 50, ...config });
    this.#clients.push(client);
    return client;
  }
}
