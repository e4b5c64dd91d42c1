// `npm start`: sets up what is missing, builds, and runs every service in one process.
// Plain Node without dependencies, because on a fresh clone there are none yet. Signals reach the server because it runs in this process.
import { prepare } from './prepare.mjs';

prepare({ build: 'src' });
const { main } = await import('../../services/standalone/dist/index.js');
await main({ env: process.env });
