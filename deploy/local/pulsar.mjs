// `npm run pulsar`: a local Pulsar with what Pharos asks of a broker, for development. Its topics are kept in .pharos/pulsar.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { importBuilt, prepare, root } from './prepare.mjs';

const help = `npm run pulsar -- [options]

  --port <n>       port of the Pulsar protocol (6650 where it is free)
  --web-port <n>   port of the admin REST API (8080 where it is free)
  --data <folder>  where topics are kept (.pharos/pulsar)
`;

const options = readOptions();
if (options.help) {
  console.log(help);
} else {
  // The broker alone: it must start while Pharos itself does not compile.
  prepare({ build: ['libs/testkit/src'] });
  await runPulsar(await importBuilt('libs/testkit'));
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string' },
        'web-port': { type: 'string' },
        data: { type: 'string', default: join(root, '.pharos', 'pulsar') },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    return stop(`${error.message}\n\n${help}`);
  }
}

async function runPulsar(testkit) {
  const missing = testkit.unavailable('pulsar');
  if (missing) stop(`A local Pulsar ${missing}`);
  const brokerPort = await choosePort(testkit, '--port', options.port, 6650);
  const webPort = await choosePort(testkit, '--web-port', options['web-port'], 8080);
  console.log('Starting Pulsar; the first time its jars (242 MB) are fetched …');
  let server;
  try {
    server = await testkit.startPulsar({ dataDir: options.data, brokerPort, webPort });
  } catch (error) {
    stop(error.message);
  }
  console.log(`
  Pulsar     ${server.serviceUrl}
  admin API  ${server.adminUrl}
  data       ${server.dataDir}
  log        ${server.logPath}

  Pharos on it: PHAROS_PULSAR_URL=${server.serviceUrl} PHAROS_PULSAR_ADMIN_URL=${server.adminUrl} npm start
  Ctrl-C stops it.`);
  await untilStopped(server);
}

/** The port asked for, or the usual one; any free one where nothing was asked for and the usual one is taken. */
async function choosePort(testkit, option, asked, usual) {
  if (asked !== undefined && !(Number.isInteger(Number(asked)) && asked > 0 && asked < 65_536)) {
    stop(`${option} must be a port between 1 and 65535, not '${asked}'`);
  }
  const port = asked === undefined ? usual : Number(asked);
  if (await testkit.isFree(port)) return port;
  if (asked !== undefined) stop(`Port ${port} of 127.0.0.1 is in use; ${option} takes another.`);
  const other = await testkit.freePort();
  console.log(`Port ${port} of 127.0.0.1 is in use; taking ${other}.`);
  return other;
}

async function untilStopped(server) {
  const signalled = new Promise((resolve) => {
    process.once('SIGINT', () => resolve('stop'));
    process.once('SIGTERM', () => resolve('stop'));
  });
  const reason = await Promise.race([signalled, server.exited]);
  if (reason === 'stop') {
    console.log('\nStopping …');
    await server.stop();
    return;
  }
  stop(`Pulsar has ended by itself (${reason.signal ?? `exit code ${reason.code}`}); its log: ${server.logPath}`);
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
