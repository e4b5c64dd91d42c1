// `npm run chaos`: faults for a cluster of processes, with the checker looking on. `npm run chaos -- --help` lists the scenarios.
import { prepare } from './prepare.mjs';

prepare({ build: ['loadtest/bench', 'services/cli/src'] });
const { main } = await import('../../loadtest/dist/chaos/main.js');
// A broker and processes may still have timers: everything is over.
process.exit(await main(process.argv.slice(2)));
