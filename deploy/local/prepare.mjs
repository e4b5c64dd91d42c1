// Makes a fresh clone ready to run, for every script of this project: installs the packages of the lock file where they are
// not installed, and builds what has changed. Plain Node, so that it works where node_modules is missing altogether.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const minimumNode = [20, 19];

/**
 * Installs and builds. Prints each step that takes time; less than a second when nothing has changed.
 *
 * @param {{ build: 'src' | 'all' | string[] }} options what to build: everything, the sources without tests and load tests,
 *   or the projects named (`libs/testkit/src`) with what they need
 */
export function prepare(options) {
  checkNode();
  install();
  build(options.build);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > minimumNode[0] || (major === minimumNode[0] && minor >= minimumNode[1])) return;
  stop(`Pharos needs Node.js ${minimumNode.join('.')} or later; this is ${process.versions.node}.`);
}

function install() {
  if (isInstalled()) return;
  console.log('Installing the packages of package-lock.json (npm ci) …');
  run('npm ci', npm(), ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** npm leaves what it has installed in a lock of its own; packages for other platforms are optional and missing there. */
function isInstalled() {
  const wanted = readLock(join(root, 'package-lock.json'));
  const installed = readLock(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity && found.link === entry.link;
  });
}

function readLock(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : undefined;
}

function build(what) {
  const projects = Array.isArray(what)
    ? what
    : what === 'all'
      ? ['libs', 'services', 'loadtest', 'helm', 'deploy/observability']
      : sourceProjects();
  const start = performance.now();
  run('the build (tsc -b)', process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-b', ...projects]);
  const seconds = (performance.now() - start) / 1_000;
  if (seconds > 1) console.log(`Built in ${seconds.toFixed(1)} s.`);
}

function sourceProjects() {
  return ['libs', 'services'].flatMap((kind) =>
    readdirSync(join(root, kind))
      // `page` is what a service sends to browsers.
      .flatMap((name) => [join(kind, name, 'src'), join(kind, name, 'page')])
      .filter((project) => existsSync(join(root, project, 'tsconfig.json'))),
  );
}

function run(what, command, args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) return;
  stop(`${what} failed: ${error?.message ?? signal ?? `exit code ${status}`}`);
}

function npm() {
  return process.platform === 'win32' ? 'npm.cmd' : 'npm';
}

function stop(message) {
  console.error(message);
  process.exit(1);
}

/** Imports a built package of this project, such as `libs/testkit`; only after `prepare`. */
export function importBuilt(path) {
  return import(pathToFileURL(join(root, path, 'dist', 'index.js')).href);
}
