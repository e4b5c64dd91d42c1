import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { clusterName, smallJava } from './cluster-parts.ts';
import { pulsarProxyJars } from './jars.ts';
import { allAnswer, JavaServer } from './java-server.ts';
import { writeProperties } from './settings.ts';

export interface PulsarProxyOptions {
  /** Of the cluster behind it; one broker. */
  readonly serviceUrl: string;
  readonly adminUrl: string;
}

/** A Pulsar proxy on 127.0.0.1, which dies with this process. */
export class PulsarProxy {
  /** `pulsar://127.0.0.1:<port>`. */
  readonly serviceUrl: string;
  /** `http://127.0.0.1:<port>`: the admin API of the brokers behind it. */
  readonly adminUrl: string;
  readonly #java: JavaServer;
  readonly #dataDir: string;
  readonly #args: readonly string[];

  constructor(dataDir: string, args: readonly string[], ports: { readonly service: number; readonly web: number }) {
    this.#dataDir = dataDir;
    this.#args = args;
    this.serviceUrl = `pulsar://127.0.0.1:${ports.service}`;
    this.adminUrl = `http://127.0.0.1:${ports.web}`;
    this.#java = new JavaServer({
      what: 'the proxy',
      dataDir,
      logPath: join(dataDir, 'proxy.log'),
      scratch: true,
      readyTimeoutMs: 120_000,
      isReady: () => allAnswer([`${this.adminUrl}/proxy-stats/connections`, `${this.adminUrl}/admin/v2/brokers/ready`]),
    });
  }

  start(): Promise<void> {
    return this.#java.start(this.#args);
  }

  /** SIGKILL: all connections through it are cut. It may be started again, on the same ports. */
  kill(): Promise<void> {
    return this.#java.kill();
  }

  /** The value of one of its counters. */
  async counter(name: string): Promise<number> {
    const response = await fetch(`${this.adminUrl}/metrics/`);
    const line = (await response.text()).split('\n').find((text) => text.startsWith(`${name}{`));
    return Number(line?.split(' ').at(-1) ?? Number.NaN);
  }

  async stop(): Promise<void> {
    await this.#java.kill();
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}

/** Starts a Pulsar proxy; resolves when it serves: about 3 s, and a minute more when its jars are first fetched. */
export async function startPulsarProxy({ serviceUrl, adminUrl }: PulsarProxyOptions): Promise<PulsarProxy> {
  const jars = await pulsarProxyJars();
  const dataDir = await mkdtemp(join(tmpdir(), 'pharos-pulsar-proxy-'));
  const ports = { service: await freePort(), web: await freePort() };
  const config = join(dataDir, 'proxy.conf');
  await writeProperties(config, {
    clusterName,
    brokerServiceURL: serviceUrl,
    brokerWebServiceURL: adminUrl,
    bindAddress: '127.0.0.1',
    advertisedAddress: '127.0.0.1',
    servicePort: String(ports.service),
    webServicePort: String(ports.web),
    // By default it goes to ports 6650 and 6651 only.
    brokerProxyAllowedTargetPorts: '*',
    brokerProxyAllowedIPAddresses: '127.0.0.1',
    numIOThreads: '2',
  });
  const program = 'org.apache.pulsar.proxy.server.ProxyServiceStarter';
  const proxy = new PulsarProxy(dataDir, [...smallJava, '-cp', join(jars, '*'), program, '--config', config], ports);
  try {
    await proxy.start();
    return proxy;
  } catch (error) {
    await proxy.stop();
    throw error;
  }
}
