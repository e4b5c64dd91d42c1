import { connect } from 'node:net';
import { join } from 'node:path';
import { allAnswer, JavaServer } from './java-server.ts';
import { bookieSettings, brokerSettings, logArgument, nettyArguments, writeProperties } from './settings.ts';

/** Name of the clusters that the testkit makes. */
export const clusterName = 'loopback';

/** Against a machine that is busy with other tests. */
const readyTimeoutMs = 120_000;

/** Several processes share two cores: the first compiler only, and a collector without threads of its own. */
export const smallJava: readonly string[] = [
  '-Xmx256m',
  '-XX:MaxDirectMemorySize=256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  ...nettyArguments,
];

export interface ClusterFolder {
  readonly dataDir: string;
  readonly jars: string;
}

/** ZooKeeper and a bookie in one process: what `PulsarStandalone` is without its broker. */
export async function startStore(
  { dataDir, jars }: ClusterFolder,
  ports: { readonly zookeeper: number; readonly bookie: number },
): Promise<JavaServer> {
  const config = join(dataDir, 'store.conf');
  await writeProperties(config, {
    ...bookieSettings,
    clusterName,
    bindAddress: '127.0.0.1',
    advertisedAddress: '127.0.0.1',
  });
  const server = new JavaServer({
    what: 'the store',
    dataDir,
    logPath: join(dataDir, 'store.log'),
    scratch: true,
    readyTimeoutMs,
    // Else it takes RocksDB, which one process can open.
    env: { PULSAR_STANDALONE_USE_ZOOKEEPER: '1' },
    isReady: () => listensOn([ports.zookeeper, ports.bookie]),
  });
  await server.start([
    ...smallJava,
    logArgument(dataDir),
    '-cp',
    join(jars, '*'),
    'org.apache.pulsar.PulsarStandaloneStarter',
    `--config=${config}`,
    '--no-broker',
    '--no-functions-worker',
    '--no-stream-storage',
    `--zookeeper-port=${ports.zookeeper}`,
    `--zookeeper-dir=${join(dataDir, 'zookeeper')}`,
    `--bookkeeper-dir=${join(dataDir, 'bookkeeper')}`,
    `--bookkeeper-port=${ports.bookie}`,
  ]);
  return server;
}

export type LoadManager = 'extensible' | 'classic';

const loadManagers: Readonly<Record<LoadManager, Readonly<Record<string, string>>>> = {
  extensible: {
    loadManagerClassName: 'org.apache.pulsar.broker.loadbalance.extensions.ExtensibleLoadManagerImpl',
    // Ownership in ZooKeeper: its default, a topic, is slower to start with.
    loadManagerServiceUnitStateTableViewClassName:
      'org.apache.pulsar.broker.loadbalance.extensions.channel.ServiceUnitStateMetadataStoreTableViewImpl',
  },
  classic: { loadManagerClassName: 'org.apache.pulsar.broker.loadbalance.impl.ModularLoadManagerImpl' },
};

export interface BrokerParts extends ClusterFolder {
  readonly name: string;
  readonly zookeeperPort: number;
  readonly brokerPort: number;
  readonly webPort: number;
  readonly loadManager: LoadManager;
  readonly overrides: Readonly<Record<string, string>>;
}

/** One of the brokers of a cluster. */
export class ClusterBroker {
  /** As other brokers and the admin API call it: host and port of its admin API. */
  readonly id: string;
  /** `pulsar://127.0.0.1:<port>`. */
  readonly serviceUrl: string;
  /** `http://127.0.0.1:<port>`, without a path. */
  readonly adminUrl: string;
  readonly logPath: string;
  readonly #parts: BrokerParts;
  readonly #java: JavaServer;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.id = `127.0.0.1:${parts.webPort}`;
    this.serviceUrl = `pulsar://127.0.0.1:${parts.brokerPort}`;
    this.adminUrl = `http://${this.id}`;
    this.logPath = join(parts.dataDir, `${parts.name}.log`);
    this.#java = new JavaServer({
      what: parts.name,
      dataDir: parts.dataDir,
      logPath: this.logPath,
      scratch: true,
      readyTimeoutMs,
      isReady: () => allAnswer([`${this.adminUrl}/admin/v2/brokers/ready`]),
    });
  }

  /** Process id; throws `not-running` where it has ended. */
  get pid(): number {
    return this.#java.pid;
  }

  /** On the same ports; resolves when it serves. */
  async start(): Promise<void> {
    const { dataDir, jars, name, zookeeperPort, brokerPort, webPort, loadManager, overrides } = this.#parts;
    const config = join(dataDir, `${name}.conf`);
    const store = `zk:127.0.0.1:${zookeeperPort}`;
    await writeProperties(config, {
      ...brokerSettings,
      ...loadManagers[loadManager],
      clusterName,
      brokerServicePort: String(brokerPort),
      webServicePort: String(webPort),
      metadataStoreUrl: store,
      configurationMetadataStoreUrl: store,
      // The least that ZooKeeper grants: how long a killed broker keeps its topics.
      metadataStoreSessionTimeoutMillis: '4000',
      // Topics move when a test says so.
      loadBalancerSheddingEnabled: 'false',
      loadBalancerAutoBundleSplitEnabled: 'false',
      numIOThreads: '2',
      numHttpServerThreads: '8',
      ...overrides,
    });
    const program = ['-cp', join(jars, '*'), 'org.apache.pulsar.PulsarBrokerStarter', '--broker-conf', config];
    await this.#java.start([...smallJava, logArgument(dataDir), ...program]);
  }

  /** SIGKILL; resolves when the process has ended. */
  kill(): Promise<void> {
    return this.#java.kill();
  }
}

async function listensOn(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) if (!(await listens(port))) return false;
  return true;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
