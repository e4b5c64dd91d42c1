// `node deploy/docker/assemble.mjs FOLDER [loadtest]`: what runs in production, after the build: each package's manifest, what it was compiled to, and the
// files of the chat page; with `loadtest` also the load tests. `npm ci --omit=dev --workspace @pharos/cli` there (or `@pharos/loadtest`) brings the packages
// from the registry.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const [target, more] = process.argv.slice(2);
if (target === undefined || ![undefined, 'loadtest'].includes(more)) {
  console.error('usage: node deploy/docker/assemble.mjs FOLDER [loadtest]');
  process.exit(2);
}

/** Of a package; its manifest is copied in any case, or npm would miss it. */
const parts = ['dist', 'bin', join('page', 'static')];

for (const name of ['package.json', 'package-lock.json', '.npmrc', 'LICENSE']) copy(name);
for (const path of workspaces()) {
  copy(join(path, 'package.json'));
  if (!isIn(path)) continue;
  for (const part of parts) if (existsSync(join(root, path, part))) copy(join(path, part));
}

/** Load tests start their clusters and clients by the kit for tests. */
function isIn(path) {
  if (path === 'libs/testkit' || path === 'loadtest') return more === 'loadtest';
  return /^(libs|services)\//.test(path);
}

function workspaces() {
  const { workspaces: patterns } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return patterns.flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return [pattern];
    const kind = pattern.slice(0, -2);
    return readdirSync(join(root, kind), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${kind}/${entry.name}`);
  });
}

function copy(path) {
  mkdirSync(join(target, path, '..'), { recursive: true });
  cpSync(join(root, path), join(target, path), {
    recursive: true,
    filter: (file) => !/\.(tsbuildinfo|d\.ts|d\.ts\.map)$/.test(file),
  });
}
