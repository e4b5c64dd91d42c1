import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface PulsarPorts {
  readonly broker: number;
  readonly web: number;
  readonly bookie: number;
}

const interceptor = 'org.apache.pulsar.common.intercept';

/** What a broker must have for Pharos (architecture.md), and what makes a small one on one bookie of it. */
export const brokerSettings: Readonly<Record<string, string>> = {
  bindAddress: '127.0.0.1',
  advertisedAddress: '127.0.0.1',
  brokerEntryMetadataInterceptors: [
    `${interceptor}.AppendIndexMetadataInterceptor`,
    `${interceptor}.AppendBrokerTimestampMetadataInterceptor`,
  ].join(','),
  exposingBrokerEntryMetadataToClientEnabled: 'true',
  activeConsumerFailoverDelayTimeMillis: '0',
  // Without it a broker ignores acknowledgements of single messages in a batch.
  acknowledgmentAtBatchIndexLevelEnabled: 'true',
  backlogQuotaDefaultRetentionPolicy: 'consumer_backlog_eviction',
  managedLedgerDefaultEnsembleSize: '1',
  managedLedgerDefaultWriteQuorum: '1',
  managedLedgerDefaultAckQuorum: '1',
  managedLedgerCacheSizeMB: '64',
  webSocketServiceEnabled: 'false',
};

/** What makes a small bookie on 127.0.0.1. */
export const bookieSettings: Readonly<Record<string, string>> = {
  // What the broker takes and what makes an entry of it: the bookie's own default is the former, and a bookie that gets more drops
  // its connection, which fails the ledgers of everybody.
  nettyMaxFrameSizeBytes: String(5 * 1024 * 1024 + 10 * 1024),
  // The bookie's caches default to a share of the machine's memory, which the small heap here does not have.
  dbStorage_writeCacheMaxSizeMb: '32',
  dbStorage_readAheadCacheMaxSizeMb: '16',
  dbStorage_rocksDB_blockCacheSize: String(16 * 1024 * 1024),
  ledgerStorageClass: 'org.apache.bookkeeper.bookie.storage.ldb.DbLedgerStorage',
  allowLoopback: 'true',
  httpServerEnabled: 'false',
};

/** One process with one bookie. */
function settings(ports: PulsarPorts): Record<string, string> {
  return {
    ...brokerSettings,
    ...bookieSettings,
    clusterName: 'standalone',
    brokerServicePort: String(ports.broker),
    webServicePort: String(ports.web),
    loadBalancerEnabled: 'false',
  };
}

const log4j2 = `<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders>
    <Console name="console" target="SYSTEM_OUT">
      <PatternLayout pattern="%d{ISO8601} [%t] %-5level %logger{36} - %msg%n"/>
    </Console>
  </Appenders>
  <Loggers>
    <Root level="info"><AppenderRef ref="console"/></Root>
  </Loggers>
</Configuration>
`;

/** Packages of the JDK that Pulsar reaches into. */
const opened = [
  'java.base/java.io',
  'java.base/java.nio',
  'java.base/sun.net',
  'java.base/sun.nio.ch',
  'java.base/jdk.internal.misc',
  'java.base/jdk.internal.platform',
  'java.management/sun.management',
  'jdk.management/com.sun.management.internal',
];

/** Arguments of `java` that every program with Pulsar's network library is given. */
export const nettyArguments: readonly string[] = [
  '-Djava.net.preferIPv4Stack=true',
  '-Dio.netty.tryReflectionSetAccessible=true',
  ...opened.map((name) => `--add-opens=${name}=ALL-UNNAMED`),
];

/** Writes the broker's files into `dataDir`. An override with an empty value takes the setting out. */
export async function writeSettings(
  dataDir: string,
  ports: PulsarPorts,
  overrides: Readonly<Record<string, string>>,
): Promise<void> {
  await writeProperties(join(dataDir, 'standalone.conf'), { ...settings(ports), ...overrides });
  await writeLogSettings(dataDir);
}

/** What is empty is left out. */
export async function writeProperties(path: string, properties: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(properties).flatMap(([name, value]) => (value === '' ? [] : [`${name}=${value}`]));
  await writeFile(path, `${lines.join('\n')}\n`);
}

/** Has a server of Pulsar print its log. */
export async function writeLogSettings(dataDir: string): Promise<void> {
  await writeFile(join(dataDir, 'log4j2.xml'), log4j2);
}

export function logArgument(dataDir: string): string {
  return `-Dlog4j2.configurationFile=${join(dataDir, 'log4j2.xml')}`;
}

/** The arguments of `java` that run a broker on what {@link writeSettings} wrote. */
export function javaArguments(
  jars: string,
  dataDir: string,
  ports: PulsarPorts,
  javaOptions: readonly string[],
): string[] {
  return [
    '-Xmx512m',
    '-XX:MaxDirectMemorySize=512m',
    ...nettyArguments,
    logArgument(dataDir),
    ...javaOptions,
    '-cp',
    join(jars, '*'),
    'org.apache.pulsar.PulsarStandaloneStarter',
    `--config=${join(dataDir, 'standalone.conf')}`,
    '--no-functions-worker',
    '--no-stream-storage',
    `--metadata-dir=${join(dataDir, 'metadata')}`,
    `--bookkeeper-dir=${join(dataDir, 'bookkeeper')}`,
    `--bookkeeper-port=${ports.bookie}`,
  ];
}
