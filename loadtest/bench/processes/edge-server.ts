// The server under test: a whole edge, composed as the service composes it.
import { type Bus, MemoryBroker, MemoryBus } from '@pharos/bus';
import { loadConfig } from '@pharos/config';
import { Edge, type EdgeConfig, edgeConfigSchema, type EdgePreset, edgePreset } from '@pharos/edge';
import { newIdentity, pulsarBus } from '@pharos/service';
import { createSocketServer } from '@pharos/socket-server';
import { createLogger, Metrics } from '@pharos/telemetry';

import { serveCommands } from '../frame/commands.ts';
import { collectGarbage } from '../frame/garbage.ts';
import { pace, type Paced } from '../frame/pacer.ts';
import { payload } from '../frame/payload.ts';
import { benchChannel, type BusChoice, type Certificate, type EdgeServerCommands } from '../frame/roles.ts';

const memoryTopic = 'persistent://public/default/bench';
const preset: EdgePreset = {
  ...edgePreset,
  listen: { host: '127.0.0.1', port: 0 },
  internalListen: { host: '127.0.0.1', port: 0 },
  open: true,
  pulsarUrlRequired: false,
};

const broker = new MemoryBroker();
let onMemory = false;

async function start(choice: BusChoice, tls?: Certificate): Promise<{ port: number }> {
  onMemory = choice.kind === 'memory';
  const config = configure(choice);
  const logger = createLogger({
    name: 'edge',
    level: config.log_level,
    destination: { write: (line) => void process.stderr.write(line) },
  });
  const identity = newIdentity('bench');
  const bus: Bus = onMemory ? new MemoryBus(broker) : pulsarBus(config.pulsar, identity, logger);
  const server = await createSocketServer({
    implementation: config.socket,
    ...(tls === undefined ? {} : { tls }),
    onWarning: (text) => logger.warn(text),
    onError: (error, context) => logger.error({ err: error }, context),
  });
  const edge = new Edge({ config, identity, bus, server, logger, metrics: new Metrics() });
  await edge.run();
  return { port: edge.port };
}

function configure(choice: BusChoice): EdgeConfig {
  const env: Record<string, string> = {
    PHAROS_LOG_LEVEL: 'warn',
    PHAROS_SOCKET: 'uws',
    // Pings are a figure of their own (P5); here they would fall into some windows and not into others.
    PHAROS_CLIENT_PING_INTERVAL: '10m',
    PHAROS_CHAT_ENABLED: 'false',
    PHAROS_CHAT_PAGE: 'false',
    PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: choice.kind === 'memory' ? memoryTopic : choice.topic,
    ...(choice.kind === 'memory'
      ? {}
      : { PHAROS_PULSAR_URL: choice.serviceUrl, PHAROS_PULSAR_ADMIN_URL: choice.adminUrl }),
  };
  return loadConfig(edgeConfigSchema(preset), { env });
}

/** As any other program that writes to the topic would. */
async function publish({ load, payloadBytes }: Parameters<EdgeServerCommands['publish']>[0]): Promise<Paced> {
  if (!onMemory) throw new Error('an edge on Pulsar is published to through Pulsar');
  const appended: Promise<number>[] = [];
  const paced = await pace(load, (sequence) => {
    appended.push(broker.inject(memoryTopic, 0, { key: benchChannel, data: payload(sequence, payloadBytes) }));
  });
  await Promise.all(appended);
  return paced;
}

const commands: EdgeServerCommands = { start: ({ bus, tls }) => start(bus, tls), publish, collectGarbage };
await serveCommands(commands);
process.exit();
