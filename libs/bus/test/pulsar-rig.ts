import { randomBytes } from 'node:crypto';
import { type Bus, type BusOptions, type Log, PulsarBus, type PulsarBusOptions } from '@pharos/bus';
import { type FaultProxy, freePort, type PulsarServer, startProxy, startPulsar } from '@pharos/testkit';
import { append, type Collector } from './conformance/harness.ts';

/** A broker behind a proxy: what it tells clients to connect to is the proxy, so that every connection can be cut. */
export class PulsarRig {
  readonly server: PulsarServer;
  readonly proxy: FaultProxy;
  readonly #buses: Bus[] = [];

  constructor(server: PulsarServer, proxy: FaultProxy) {
    this.server = server;
    this.proxy = proxy;
  }

  get serviceUrl(): string {
    return `pulsar://${this.proxy.address}`;
  }

  newBus(options: BusOptions & Partial<PulsarBusOptions> = {}): PulsarBus {
    const bus = new PulsarBus({
      serviceUrl: this.serviceUrl,
      adminUrl: this.server.adminUrl,
      namePrefix: `test-${randomBytes(4).toString('hex')}`,
      ...options,
    });
    this.#buses.push(bus);
    return bus;
  }

  async admin(method: string, path: string, body?: unknown): Promise<void> {
    const response = await fetch(`${this.server.adminUrl}/admin/v2/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.#buses.map((bus) => bus.close()));
    await this.proxy.close();
    await this.server.stop();
  }
}

export async function startRig(overrides: Readonly<Record<string, string>> = {}): Promise<PulsarRig> {
  const brokerPort = await freePort();
  const proxy = await startProxy(`127.0.0.1:${brokerPort}`);
  const server = await startPulsar({
    brokerPort,
    overrides: {
      advertisedListeners: `internal:pulsar://${proxy.address}`,
      internalListenerName: 'internal',
      ...overrides,
    },
  });
  return new PulsarRig(server, proxy);
}

/** Path of a topic in the admin API. */
export function adminPath(topic: string): string {
  return topic.replace('://', '/');
}

export interface LoadResult {
  /** Publications that were begun: `m0`, `m1`, … */
  readonly begun: number;
  readonly acknowledged: number;
  readonly failed: string[];
}

/**
 * Appends publications, so many at a time, and does something to the broker when `count / 3` of them are begun; goes on to
 * at least `count` and until the mishap is over. Resolves when all are acknowledged or have failed.
 */
export async function appendUnderLoad(log: Log, count: number, mishap: () => Promise<void>): Promise<LoadResult> {
  const window = 256;
  const failed: string[] = [];
  let begun = 0;
  let acknowledged = 0;
  const trouble: { done?: Promise<void>; over: boolean } = { over: false };
  const worker = async (): Promise<void> => {
    while (begun < count || !trouble.over) {
      if (begun > count / 3) trouble.done ??= mishap().finally(() => (trouble.over = true));
      const text = `m${begun++}`;
      try {
        await log.append({ channel: 'chat', data: Buffer.from(text) }, 60_000);
        acknowledged++;
      } catch (error) {
        failed.push(`${text}: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: window }, worker));
  await trouble.done;
  return { begun, acknowledged, failed };
}

/** Appends a last publication and waits until it has arrived everywhere: whatever came is there by then. */
export async function settle(log: Log, collectors: readonly Collector[]): Promise<void> {
  await append(log, 'chat', 'end');
  const waits = collectors.map((collector) =>
    collector.until(() => collector.publications.at(-1)?.text === 'end', 'the last publication'),
  );
  await Promise.all(waits);
}
