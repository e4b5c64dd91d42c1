// `npm run load` where it is built already.
import { main } from '../dist/load/main.js';

// A broker and processes may still have timers: everything is over.
process.exit(await main(process.argv.slice(2)));
