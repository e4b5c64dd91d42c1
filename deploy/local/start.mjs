// `npm start`: sets up what is missing, builds, and runs every service in one process.
// Plain Node without dependencies, because on a fresh clone there are none yet. Signals reach the server because it runs in this process.
import { importBuilt, prepare } from './prepare.mjs';

const [argument] = process.argv.slice(2);
if (argument !== undefined) {
  console.error(
    `npm start takes no arguments, such as '${argument}'; settings are environment variables: PHAROS_LISTEN=127.0.0.1:9002 npm start`,
  );
  process.exit(1);
}
prepare({ build: 'src' });
const { main } = await importBuilt('services/standalone');
const { describeError } = await importBuilt('libs/errors');
try {
  await main({ env: process.env });
  // Not left to the event loop: a handle that something forgot must not keep a stopped server alive.
  process.exit(0);
} catch (error) {
  // A configuration error lists its mistakes, a line each.
  const what = Array.isArray(error?.problems) ? error.message : describeError(error);
  const hint = error?.code === 'address-in-use' ? '; another: PHAROS_LISTEN=127.0.0.1:<port> npm start' : '';
  console.error(`Pharos could not run: ${what}${hint}`);
  process.exit(1);
}
