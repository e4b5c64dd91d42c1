// `node deploy/docker/assemble.mjs FOLDER`: what runs in production, after the build: each package's manifest, what it was compiled to, and the
// files of the chat page. `npm ci --omit=dev --workspace @pharos/cli` there brings the packages from the registry.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const [target] = process.argv.slice(2);
if (target === undefined) {
  console.error('usage: node deploy/docker/assemble.mjs FOLDER');
  process.exit(2);
}

/** Of a package; its manifest is copied in any case, or npm would miss it. */
const parts = ['dist', 'bin', join('page', 'static')];

for (const name of ['package.json', 'package-lock.json', '.npmrc', 'LICENSE']) copy(name);
for (const path of workspaces()) {
  copy(join(path, 'package.json'));
  if (!/^(libs|services)\//.test(path) || path === 'libs/testkit') continue;
  for (const part of parts) if (existsSync(join(root, path, part))) copy(join(path, part));
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
