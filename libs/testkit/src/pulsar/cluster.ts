import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestkitError } from '../errors.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../free-port.ts';
import { ClusterBroker, clusterName, type LoadManager, startStore } from './cluster-parts.ts';
import { pulsarJars } from './jars.ts';
import type { JavaServer } from './java-server.ts';
import { writeLogSettings } from './settings.ts';

const maxStarts = 3;

export interface PulsarClusterOptions {
  /**
   * Who says which broker has which topics. `extensible` tells clients where a topic moves to; with `classic` they have to ask,
   * and are sent on by the brokers that they ask.
   */
  readonly loadManager: LoadManager;
  /** Settings of all brokers that replace the testkit's own. */
  readonly overrides?: Readonly<Record<string, string>>;
}

/** Two brokers, one bookie and ZooKeeper on 127.0.0.1, which die with this process. */
export class PulsarCluster {
  readonly brokers: readonly [ClusterBroker, ClusterBroker];
  /** Of both brokers. */
  readonly serviceUrl: string;
  readonly #store: JavaServer;
  readonly #dataDir: string;

  constructor(brokers: readonly [ClusterBroker, ClusterBroker], store: JavaServer, dataDir: string) {
    this.brokers = brokers;
    this.#store = store;
    this.#dataDir = dataDir;
    const hosts = brokers.map(({ serviceUrl }) => serviceUrl.replace('pulsar://', ''));
    this.serviceUrl = `pulsar://${hosts.join(',')}`;
  }

  /** Of a broker that answers. */
  get adminUrl(): string {
    return this.brokers[0].adminUrl;
  }

  other(than: ClusterBroker): ClusterBroker {
    return this.brokers[0] === than ? this.brokers[1] : this.brokers[0];
  }

  /** The broker that has a plain topic or a partition; it is given to one where none has it. */
  async ownerOf(topic: string): Promise<ClusterBroker> {
    const { httpUrl } = JSON.parse(await this.#ask('GET', `lookup/v2/topic/${pathOf(topic)}`)) as { httpUrl: string };
    return this.#named(httpUrl.replace('http://', ''));
  }

  /** The broker that the others ask who is to have a topic that none has. */
  async leader(): Promise<ClusterBroker> {
    const answer = JSON.parse(await this.#ask('GET', 'admin/v2/brokers/leaderBroker')) as { brokerId: string };
    return this.#named(answer.brokerId);
  }

  /** Moves a topic, and those of its bundle with it; resolves when its old owner has let go of it. */
  async move(topic: string, to: ClusterBroker): Promise<void> {
    const bundle = await this.bundleOf(topic);
    const namespace = pathOf(topic).split('/').slice(1, 3).join('/');
    await this.#ask('PUT', `admin/v2/namespaces/${namespace}/${bundle}/unload?destinationBroker=${to.id}`);
  }

  /** Topics of one bundle have one broker. */
  bundleOf(topic: string): Promise<string> {
    return this.#ask('GET', `lookup/v2/topic/${pathOf(topic)}/bundle`);
  }

  /** Waits until both brokers know of each other. */
  async untilComplete(): Promise<void> {
    for (const { adminUrl } of this.brokers) {
      await eventually(async () => {
        const known = JSON.parse(await request(adminUrl, 'GET', `admin/v2/brokers/${clusterName}`)) as string[];
        return known.length === this.brokers.length || undefined;
      }, 'cluster of two brokers');
    }
  }

  /** What clients expect to be there. */
  async provision(): Promise<void> {
    const [{ serviceUrl: brokerServiceUrl, adminUrl: serviceUrl }] = this.brokers;
    await this.#make(`clusters/${clusterName}`, { serviceUrl, brokerServiceUrl });
    await this.#make('tenants/public', { allowedClusters: [clusterName], adminRoles: [] });
    await this.#make('namespaces/public/default', {});
  }

  /** Ends all of it at once. */
  async stop(): Promise<void> {
    await Promise.all([...this.brokers, this.#store].map((server) => server.kill()));
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  #named(id: string): ClusterBroker {
    const broker = this.brokers.find((known) => known.id === id);
    if (broker === undefined) throw new TestkitError('invalid-option', `${id} is no broker of this cluster`);
    return broker;
  }

  /** Brokers that have just started refuse now and then what they will do in a moment. */
  async #make(path: string, body: unknown): Promise<void> {
    const isThere = async (): Promise<true> => {
      const response = await send(this.adminUrl, 'PUT', `admin/v2/${path}`, body);
      // It is there where an earlier try did it and was not told.
      if (!response.ok && response.status !== 409) throw await refusal(response, 'PUT', path);
      return true;
    };
    await eventually(isThere, path);
  }

  #ask(method: string, path: string, body?: unknown): Promise<string> {
    return request(this.adminUrl, method, path, body);
  }
}

/** Starts a {@link PulsarCluster}: about 10 s on two cores; anew, and says so, where a server does not come up. */
export async function startPulsarCluster(options: PulsarClusterOptions): Promise<PulsarCluster> {
  const jars = await pulsarJars();
  for (let start = 1; ; start++) {
    try {
      return await tryToStart(options, jars);
    } catch (error) {
      // Nobody tests that: a port was taken meanwhile, or a broker gave up on a busy machine.
      const retry = start < maxStarts && error instanceof TestkitError && error.code === 'start-failed';
      if (!retry) throw error;
      console.error(`a cluster of brokers is started anew, because ${error.message}`);
    }
  }
}

async function tryToStart(options: PulsarClusterOptions, jars: string): Promise<PulsarCluster> {
  const dataDir = await mkdtemp(join(tmpdir(), 'pharos-cluster-'));
  await writeLogSettings(dataDir);
  const { loadManager, overrides = {} } = options;
  const zookeeperPort = await freePort();
  const bookiePort = await freePort();
  const newBroker = async (name: string): Promise<ClusterBroker> => {
    const [brokerPort, webPort] = [await freePort(), await freePort()];
    return new ClusterBroker({ name, dataDir, jars, zookeeperPort, brokerPort, webPort, loadManager, overrides });
  };
  const brokers = [await newBroker('broker1'), await newBroker('broker2')] as const;
  const store = await startStore({ dataDir, jars }, { zookeeper: zookeeperPort, bookie: bookiePort });
  const cluster = new PulsarCluster(brokers, store, dataDir);
  try {
    await Promise.all(brokers.map((broker) => broker.start()));
    await cluster.untilComplete();
    await cluster.provision();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

function pathOf(topic: string): string {
  return topic.replace('://', '/');
}

async function request(adminUrl: string, method: string, path: string, body?: unknown): Promise<string> {
  const response = await send(adminUrl, method, path, body);
  if (!response.ok) throw await refusal(response, method, path);
  return response.text();
}

/** Brokers send each other's callers on: that is followed. */
function send(adminUrl: string, method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${adminUrl}/${path}`, {
    method,
    signal: AbortSignal.timeout(60_000),
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
}

async function refusal(response: Response, method: string, path: string): Promise<TestkitError> {
  return new TestkitError('wait-timeout', `${method} ${path}: ${response.status} ${await response.text()}`);
}
