// `npm run load` as a process, without the build before it: one of several machines.
import { main } from '../../bench/load/main.ts';

process.exit(await main(process.argv.slice(2)));
