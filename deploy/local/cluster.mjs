// `npm run cluster`: a cluster for development, each service a process of its own: Pulsar, two edges, and where there is a redis-server,
// Redis, the services history and presence and the server API; where there is a Prometheus, one that scrapes them all. Ctrl-C stops them all.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { startLocalPulsar, stop, untilSignalled, usualOrFree } from './local-pulsar.mjs';
import { importBuilt, prepare, root } from './prepare.mjs';

const help = `npm run cluster -- [options]

  --pulsar <url>        a Pulsar that is there (pulsar://…), in place of one of its own; with
  --pulsar-admin <url>  where its admin REST API is (http://…)
  --log <topic>         the log of all channels (persistent://public/default/chat)

Ports are 9001 and 9002 of the edges, 9003 of the server API, 9090 of Prometheus; others where these are taken.
`;

const options = readOptions();
if (options.help) {
  console.log(help);
  process.exit();
}
const host = '127.0.0.1';
const apiKey = 'for-development-only';
/** Options of channels: every service is to have the same. */
const channels = {
  LOG: options.log,
  ALLOW_SUBSCRIBE_FOR_ANONYMOUS: 'true',
  ALLOW_PUBLISH_FOR_ANONYMOUS: 'true',
};
/** What a store makes possible. */
const channelsWithStore = {
  HISTORY_SIZE: '300',
  HISTORY_TTL: '1h',
  ALLOW_RECOVERY: 'true',
  ALLOW_POSITIONING: 'true',
  ALLOW_HISTORY_FOR_ANONYMOUS: 'true',
  PRESENCE: 'true',
  JOIN_LEAVE: 'true',
  ALLOW_PRESENCE_FOR_ANONYMOUS: 'true',
};

prepare({ build: 'src' });
const testkit = await importBuilt('libs/testkit');
const pulsar = options.pulsar === undefined ? await startPulsar() : undefined;
const redis = await startRedis();
const shared = {
  PHAROS_PULSAR_URL: pulsar?.serviceUrl ?? options.pulsar,
  PHAROS_PULSAR_ADMIN_URL: pulsar?.adminUrl ?? options['pulsar-admin'],
  ...inSection('CHANNEL_WITHOUT_NAMESPACE', redis === undefined ? channels : { ...channels, ...channelsWithStore }),
  ...(redis === undefined ? {} : { PHAROS_REDIS_URL: redis.url }),
};
const services = await withPorts(parts());
const children = services.map((service) => startService(service));
const prometheus = await startPrometheus();

const ended = await Promise.race([untilSignalled(), ...(pulsar === undefined ? [] : [pulsar.exited])]);
// A signal is text, the end of the broker isn't.
if (typeof ended === 'object') {
  console.error(`pulsar | ended by itself; its log: ${pulsar.logPath}`);
  process.exitCode = 1;
}
await Promise.all(children.map((child) => stopService(child)));
await prometheus?.stop();
await redis?.stop();
await pulsar?.stop();

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        pulsar: { type: 'string' },
        'pulsar-admin': { type: 'string' },
        log: { type: 'string', default: 'persistent://public/default/chat' },
        help: { type: 'boolean', default: false },
      },
    });
    if ((values.pulsar === undefined) === (values['pulsar-admin'] === undefined)) return values;
    return stop(`--pulsar and --pulsar-admin are of one Pulsar: give both, or neither.\n\n${help}`);
  } catch (error) {
    return stop(`${error.message}\n\n${help}`);
  }
}

async function startPulsar() {
  const server = await startLocalPulsar(testkit, { dataDir: join(root, '.pharos', 'cluster') });
  console.log(`pulsar | ${server.serviceUrl}, admin API ${server.adminUrl}, log ${server.logPath}`);
  return server;
}

/** None where there is no redis-server: then clients resume from the edges' memory alone, and nobody is in anybody's presence. */
async function startRedis() {
  const missing = testkit.unavailable('redis');
  if (missing) {
    console.log(
      `redis | ${missing}; without it the cluster has neither history beyond the edges' memory nor presence, and no server API`,
    );
    return undefined;
  }
  const server = await testkit.startRedis({ settings: { 'maxmemory-policy': 'noeviction' } });
  console.log(`redis | ${server.url}`);
  return server;
}

/** With the chart's rules; none where there is no prometheus. */
async function startPrometheus() {
  const missing = testkit.unavailable('prometheus');
  if (missing) {
    console.log(`prometheus | ${missing}`);
    return undefined;
  }
  const rules = join(root, 'helm', 'pharos', 'files', 'rules');
  const server = await testkit.startPrometheus({
    targets: services.map(({ name, service, internalPort }) => ({
      job: service,
      address: `${host}:${internalPort}`,
      pod: name,
    })),
    rules: readdirSync(rules).map((name) => join(rules, name)),
    port: await usualOrFree(testkit, 9090),
  });
  console.log(`prometheus | ${server.url}; npm run panels -- --prometheus ${server.url} draws the dashboards`);
  return server;
}

function parts() {
  const edges = [
    { name: 'edge-1', service: 'edge', port: 9001, internalPort: 9101, config: 'cluster.yaml' },
    { name: 'edge-2', service: 'edge', port: 9002, internalPort: 9102, config: 'cluster.yaml' },
  ];
  if (redis === undefined) return edges;
  return [
    ...edges,
    { name: 'history', service: 'history', internalPort: 9103 },
    { name: 'presence', service: 'presence', internalPort: 9104 },
    { name: 'api', service: 'api', port: 9003, internalPort: 9105, env: { PHAROS_HTTP_API_KEY: apiKey } },
  ];
}

/** Where another cluster runs, or `npm start`, the usual ones are taken. */
async function withPorts(wanted) {
  const found = [];
  for (const part of wanted) {
    const port = part.port === undefined ? undefined : await usualOrFree(testkit, part.port);
    found.push({ ...part, port, internalPort: await usualOrFree(testkit, part.internalPort) });
  }
  return found;
}

function inSection(section, options) {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [`PHAROS_${section}_${name}`, value]));
}

function startService({ name, service, port, internalPort, config, env = {} }) {
  const configArgs = config === undefined ? [] : ['--config', join('deploy', 'local', config)];
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', join('services', 'cli', 'bin', 'pharos.mjs'), 'serve', service, ...configArgs],
    {
      cwd: root,
      env: {
        ...process.env,
        ...shared,
        ...env,
        PHAROS_NAME: name,
        PHAROS_INTERNAL_LISTEN: `${host}:${internalPort}`,
        ...(port === undefined ? {} : { PHAROS_LISTEN: `${host}:${port}` }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C in a terminal goes to the whole group; the services are to drain when this process tells them.
      detached: true,
    },
  );
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      console.log(`${name} | ${line}`);
      if (service === 'edge' && line.includes('"msg":"edge ') && line.includes(' listens at ')) {
        console.log(`Chat at http://${host}:${port}/`);
      }
    });
  }
  if (service === 'api') {
    console.log(
      `Server API: curl -H 'X-API-Key: ${apiKey}' -d '{"channel":"chat"}' http://${host}:${port}/api/presence`,
    );
  }
  // 'close': what it said at its end comes first.
  child.on('close', (code, signal) => console.log(`${name} | ended (${signal ?? `exit code ${code}`})`));
  // Whatever ends this process ends them.
  process.on('exit', () => child.kill('SIGKILL'));
  return child;
}

async function stopService(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
