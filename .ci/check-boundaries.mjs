// Holds the house rules that a compiler can't: which package may import which, and what a file may touch.
// Plain Node, so that it runs before anything is built. `node .ci/check-boundaries.mjs`; exit status 1 names each breach.
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const maxLines = 400;
/** Sets what a native addon reads from the environment as it loads, and has no other way to be told. */
const environmentOfAddons = new Set(['libs/socket-server/src/uws/load.ts']);

/** Tier of each package; a package imports strictly lower tiers only. */
const tiers = {
  bytes: 0,
  errors: 0,
  lifecycle: 0,
  config: 1,
  telemetry: 1,
  'client-protocol': 1,
  'pulsar-client': 2,
  redis: 2,
  tokens: 2,
  proxies: 2,
  bus: 3,
  presence: 3,
  history: 3,
  'socket-server': 3,
  channels: 4,
  service: 4,
  control: 5,
};
/** Tests, load tests and local tools only. */
const testOnly = new Set(['testkit']);
/** No part of what is deployed as Pharos: what they need for development they may import. */
const toolPackages = new Set(['libs/testkit', 'loadtest', 'helm', 'deploy/observability']);
/** Services that put other services together. */
const composers = {
  standalone: ['edge', 'api-service', 'history-service', 'presence-service', 'webhooks'],
  cli: ['edge', 'api-service', 'history-service', 'presence-service', 'webhooks', 'standalone'],
};
/** Folders of one package that must not see each other, or that see nothing of their package but themselves. */
const apart = [
  { package: 'services/edge', from: 'inbound', to: 'outbound' },
  { package: 'services/edge', from: 'outbound', to: 'inbound' },
];
const sealed = [{ package: 'libs/pulsar-client', folder: 'wire', packages: ['@pharos/bytes', '@pharos/errors'] }];

const problems = [];
const packages = [...list('libs'), ...list('services'), 'loadtest', 'helm', 'deploy/observability'];
for (const path of packages) checkPackage(path);

if (problems.length > 0) {
  for (const problem of problems) console.error(problem);
  console.error(`\n${problems.length} breach(es) of the house rules`);
  process.exit(1);
}
console.log(`boundaries: ${packages.length} packages hold`);

function list(kind) {
  return readdirSync(join(root, kind), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${kind}/${entry.name}`);
}

function checkPackage(path) {
  const manifest = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
  const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }));
  const declaredForTests = new Set([...declared, ...Object.keys(manifest.devDependencies ?? {})]);
  for (const file of sources(join(root, path))) {
    const name = relative(root, file).split(sep).join('/');
    const text = readFileSync(file, 'utf8');
    const inTest = /\/(test|testdata)\//.test(name) || toolPackages.has(path);
    checkSize(name, text);
    checkGlobals(name, text, path, inTest);
    for (const specifier of imports(text)) {
      if (specifier.startsWith('.')) checkRelative(path, name, specifier);
      else checkImport(path, manifest.name, name, specifier, inTest, inTest ? declaredForTests : declared);
    }
  }
}

function sources(folder) {
  const found = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (['node_modules', 'dist', 'dist-test', 'coverage'].includes(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...sources(path));
    else if (/\.(ts|mts)$/.test(entry.name) && !entry.name.endsWith('.d.ts')) found.push(path);
  }
  return found;
}

function imports(text) {
  const pattern =
    /^\s*(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3]);
}

function checkSize(name, text) {
  const lines = text.split('\n').length - 1;
  if (lines > maxLines)
    problems.push(`${name}: ${lines} lines, at most ${maxLines}: split it along a seam that a reader would name`);
}

function checkGlobals(name, text, path, inTest) {
  const library = path.startsWith('libs/') && !inTest;
  const main = /\/src\/(main|index)\.ts$/.test(name) || path === 'services/cli';
  const readsEnvironment = /\bprocess\.env\b/.test(text) && !environmentOfAddons.has(name);
  if ((library || (path.startsWith('services/') && !main)) && !inTest && readsEnvironment) {
    problems.push(`${name}: reads process.env; only a service's main.ts does, and hands on what it read`);
  }
  if (!inTest && /\bimport\s*\{[^}]*\bregister\b[^}]*\}\s*from\s*['"]prom-client['"]/.test(text)) {
    problems.push(`${name}: uses prom-client's global registry; take a Registry as a parameter`);
  }
  if (library && /\bconsole\.\w+\(/.test(text))
    problems.push(`${name}: writes to the console; take a logger as a parameter`);
}

function checkRelative(path, name, specifier) {
  const target = normalize(join(dirname(name), specifier))
    .split(sep)
    .join('/');
  if (!target.startsWith(`${path}/`)) {
    problems.push(`${name}: imports '${specifier}', which lies outside its package; import the package by name`);
    return;
  }
  for (const rule of apart) {
    if (rule.package !== path) continue;
    if (name.startsWith(`${path}/src/${rule.from}/`) && target.startsWith(`${path}/src/${rule.to}/`)) {
      problems.push(`${name}: ${rule.from} imports ${rule.to} ('${specifier}'); they meet only in what composes them`);
    }
  }
  for (const rule of sealed) {
    const inside = `${path}/src/${rule.folder}/`;
    if (rule.package === path && name.startsWith(inside) && !target.startsWith(inside)) {
      problems.push(`${name}: ${rule.folder} imports '${specifier}' from outside itself`);
    }
  }
}

function checkImport(path, own, name, specifier, inTest, declared) {
  const bare = specifier.startsWith('node:') ? specifier.slice(5) : specifier;
  if (specifier.startsWith('node:') || builtinModules.includes(bare)) {
    if (!specifier.startsWith('node:')) problems.push(`${name}: write 'node:${specifier}'`);
    checkSealed(path, name, specifier);
    return;
  }
  const target = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0];
  if (target === own) {
    if (!inTest) problems.push(`${name}: imports its own package by name`);
    return;
  }
  const testTool = inTest && ['fast-check', 'tsx'].includes(target);
  if (!declared.has(target) && !testTool)
    problems.push(`${name}: imports '${target}', which ${path}/package.json doesn't declare`);
  checkSealed(path, name, specifier);
  if (!target.startsWith('@pharos/')) return;
  if (specifier !== target) problems.push(`${name}: deep import '${specifier}'; what a package offers is in its index`);
  checkTier(path, name, target.slice('@pharos/'.length), inTest);
}

function checkSealed(path, name, specifier) {
  for (const rule of sealed) {
    const inside = rule.package === path && name.startsWith(`${path}/src/${rule.folder}/`);
    if (inside && !rule.packages.includes(specifier) && specifier !== 'node:buffer') {
      problems.push(`${name}: ${rule.folder} imports '${specifier}'; it may see only ${rule.packages.join(', ')}`);
    }
  }
}

function checkTier(path, name, target, inTest) {
  const [kind, self] = path.split('/');
  if (testOnly.has(target)) {
    if (!inTest) problems.push(`${name}: imports @pharos/${target}, which is for tests`);
    return;
  }
  if (kind === 'libs' && !testOnly.has(self)) {
    if (tiers[target] === undefined) problems.push(`${name}: a library imports the service @pharos/${target}`);
    else if (!inTest && tiers[target] >= tiers[self]) {
      problems.push(
        `${name}: @pharos/${self} (tier ${tiers[self]}) imports @pharos/${target} (tier ${tiers[target]}); only lower tiers`,
      );
    }
  } else if (
    kind === 'services' &&
    tiers[target] === undefined &&
    !inTest &&
    !(composers[self] ?? []).includes(target)
  ) {
    problems.push(
      `${name}: the service ${self} imports the service ${target}; only ${Object.keys(composers).join(' and ')} compose`,
    );
  }
}
