// `npm run chart:keep`: keeps the chart's cases as they are in this version, for all later ones to be upgraded to from them.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { chartFolder } from '../generate/generated.ts';
import { isKept, keepRelease } from './releases.ts';

const { version } = parse(readFileSync(`${chartFolder}Chart.yaml`, 'utf8')) as { version: string };
if (isKept(version)) {
  console.error(`${version} is kept already; only where it is not out yet, take its folder away and try again`);
  process.exitCode = 1;
} else await keepRelease(version);
