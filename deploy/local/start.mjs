// `npm start`: sets up what is missing, builds, and runs every service in one process.
// Plain Node without dependencies, because on a fresh clone there are none yet. Signals reach the server because it runs in this process.
import { importBuilt, prepare } from './prepare.mjs';

prepare({ build: 'src' });
const { main } = await importBuilt('services/standalone');
const { describeError } = await importBuilt('libs/errors');
try {
  await main({ env: process.env });
  // Not left to the event loop: a handle that something forgot must not keep a stopped server alive.
  process.exit(0);
} catch (error) {
  // A configuration error lists its mistakes, a line each.
  console.error(`Pharos could not run: ${Array.isArray(error?.problems) ? error.message : describeError(error)}`);
  process.exit(1);
}
