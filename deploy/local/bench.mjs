// `npm run bench`: measures the figures of the product against a bare uWebSockets.js server. `npm run bench -- --help` lists the options.
import { prepare } from './prepare.mjs';

prepare({ build: ['loadtest/bench', 'services/cli/src'] });
const { main } = await import('../../loadtest/dist/main.js');
process.exitCode = await main(process.argv.slice(2));
