// Which tests there are. The suffix of a file says what it needs: `.test.ts` alone nothing, `.pulsar.test.ts` a broker, …
import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { root } from '../deploy/local/prepare.mjs';

const kinds = ['pulsar', 'redis', 'prometheus', 'browser', 'e2e'];
const folders = ['libs', 'services', 'loadtest', 'helm', 'deploy', '.ci'];
const skipped = new Set(['node_modules', 'dist', 'dist-test', 'coverage', 'src']);

/** Tests whose path contains one of `filters` (all, where there are none), by group, sorted. */
export function testFiles(filters) {
  const groups = { quick: [], servers: [], processes: [] };
  for (const folder of folders) {
    for (const file of walk(join(root, folder))) {
      const path = relative(root, file).split(sep).join('/');
      const suffix = /\.(?:([a-z0-9]+)\.)?test\.m?ts$/.exec(path);
      if (suffix === null || !matches(path, filters)) continue;
      groups[groupOf(path, suffix[1])].push(path);
    }
  }
  for (const files of Object.values(groups)) files.sort((a, b) => (a < b ? -1 : 1));
  return groups;
}

function groupOf(path, kind) {
  if (kind === undefined) return 'quick';
  // A misspelt suffix would run a test without its server, or never.
  if (!kinds.includes(kind)) {
    console.error(`${path}: the name must end in .test.ts, or in .<kind>.test.ts with one of ${kinds.join(', ')}`);
    process.exit(1);
  }
  return kind === 'browser' || kind === 'e2e' ? 'processes' : 'servers';
}

function matches(path, filters) {
  return filters.length === 0 || filters.some((filter) => path.includes(filter.replace(/^\.\//, '')));
}

function* walk(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (skipped.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else yield path;
  }
}
