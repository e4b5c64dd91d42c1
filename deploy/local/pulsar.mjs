// `npm run pulsar`: a local Pulsar with what Pharos asks of a broker, for development. Its topics are kept in .pharos/pulsar.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startLocalPulsar, stop, untilSignalled } from './local-pulsar.mjs';
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
  const server = await startLocalPulsar(testkit, {
    dataDir: options.data,
    port: options.port,
    webPort: options['web-port'],
  });
  console.log(`
  Pulsar     ${server.serviceUrl}
  admin API  ${server.adminUrl}
  data       ${server.dataDir}
  log        ${server.logPath}

  Pharos on it: PHAROS_PULSAR_URL=${server.serviceUrl} PHAROS_PULSAR_ADMIN_URL=${server.adminUrl} npm start
  Ctrl-C stops it.`);
  await untilStopped(server);
}

async function untilStopped(server) {
  const ended = await Promise.race([untilSignalled(), server.exited]);
  if (typeof ended !== 'object') {
    console.log('\nStopping …');
    await server.stop();
    return;
  }
  stop(`Pulsar has ended by itself (${ended.signal ?? `exit code ${ended.code}`}); its log: ${server.logPath}`);
}
