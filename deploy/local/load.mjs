// `npm run load`: load tests with gates, of a cluster of processes or of one that is there. `npm run load -- --help` lists the scenarios.
import { prepare } from './prepare.mjs';

prepare({ build: ['loadtest/bench', 'services/cli/src'] });
const { main } = await import('../../loadtest/dist/load/main.js');
// A broker and processes may still have timers: everything is over.
process.exit(await main(process.argv.slice(2)));
