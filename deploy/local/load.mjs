// `npm run load`: load tests with gates, of a cluster of processes or of one that is there. `npm run load -- --help` lists the scenarios.
import { prepare } from './prepare.mjs';

prepare({ build: ['loadtest/bench', 'services/cli/src'] });
await import('../../loadtest/bin/load.mjs');
