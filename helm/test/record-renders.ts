// `npm run chart:renders`: records what the chart makes of each of its cases, for the tests to hold it to.
import { record } from './renders.ts';

await record();
