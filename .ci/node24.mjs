// Node.js 24, which the image runs on, for tests on Linux: from the npm registry, exactly the one of node24.json. uWebSockets.js needs glibc 2.38
// there; where the machine's is older, the binary is given the C library of Debian 13, for itself alone: nothing of the machine changes.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { root } from '../deploy/local/prepare.mjs';

const wanted = JSON.parse(readFileSync(join(root, '.ci', 'node24.json'), 'utf8'));
/** What the binary is linked to, and its place in Debian's packages. */
const libraries = ['libc6', 'libgcc-s1', 'libstdc++6'];
const places = {
  x64: { triplet: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { triplet: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
};
const place = places[process.arch];
const commandTimeoutMs = 5 * 60_000;

/**
 * The folder with its `node`, made where no earlier run has left it in the user's cache.
 *
 * @throws Error a sentence that says what is missing
 */
export function node24() {
  const build = wanted.packages[process.arch];
  if (process.platform !== 'linux' || build === undefined || place === undefined) {
    throw new Error(
      `Node.js ${wanted.version} is only taken for Linux here, not for ${process.platform} ${process.arch}`,
    );
  }
  const needsLibraries = !hasGlibc();
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pharos');
  const folder = join(cache, `node-${wanted.version}-${process.arch}${needsLibraries ? '-debian13' : ''}`);
  if (existsSync(folder)) return join(folder, 'bin');
  mkdirSync(cache, { recursive: true });
  const partial = mkdtempSync(`${folder}.partial-`);
  try {
    unpack(build, partial);
    if (needsLibraries) useDebian13(partial, folder);
    renameSync(partial, folder);
  } catch (error) {
    // Another run may have been first.
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return join(folder, 'bin');
}

function hasGlibc() {
  const own = process.report.getReport().header.glibcVersionRuntime ?? '0.0';
  return own.localeCompare(wanted.glibc, undefined, { numeric: true }) >= 0;
}

function unpack({ name, integrity, sha256 }, folder) {
  run('npm', ['pack', '--silent', `${name}@${wanted.version}`], folder);
  const tarball = join(folder, `${name}-${wanted.version}.tgz`);
  expect(`sha512-${hash('sha512', 'base64', tarball)}`, integrity, tarball);
  run('tar', ['-xzf', tarball, '--strip-components=1', 'package/bin/node'], folder);
  rmSync(tarball);
  const binary = join(folder, 'bin', 'node');
  expect(hash('sha256', 'hex', binary), sha256, binary);
}

/** Puts Debian 13's libraries into `folder`, and leads its binary to them where they will be: in `final`. */
function useDebian13(folder, final) {
  for (const program of ['patchelf', 'dpkg-deb', 'apt-get']) {
    const { error } = spawnSync(program, ['--version'], { stdio: 'ignore' });
    if (error !== undefined) {
      throw new Error(
        `Node.js ${wanted.version} needs glibc ${wanted.glibc}, or Debian with ${program} to take it from`,
      );
    }
  }
  const apt = join(folder, 'apt');
  mkdirSync(join(apt, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(apt, 'cache', 'archives', 'partial'), { recursive: true });
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(join(apt, 'sources.list'), `deb [signed-by=${keys}] ${debianMirror()} trixie main\n`);
  const settings = {
    'Dir::State::lists': join(apt, 'lists'),
    'Dir::Cache': join(apt, 'cache'),
    'Dir::Etc::sourcelist': join(apt, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': 'root',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  run('apt-get', ['-qq', ...options, 'update'], apt);
  run('apt-get', ['-qq', ...options, 'download', ...libraries], apt);
  for (const file of readdirSync(apt).filter((name) => name.endsWith('.deb'))) {
    run('dpkg-deb', ['-x', join(apt, file), join(folder, 'debian13')], folder);
  }
  rmSync(apt, { recursive: true });
  const libs = join(final, 'debian13', 'usr', 'lib', place.triplet);
  const links = ['--set-interpreter', join(libs, place.loader), '--force-rpath', '--set-rpath', libs];
  run('patchelf', [...links, join(folder, 'bin', 'node')], folder);
}

/** Where this machine gets Debian from. */
function debianMirror() {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(REPO_URI)'], { encoding: 'utf8' });
  const mirror = stdout?.split('\n').find((uri) => /\/debian\/?$/.test(uri));
  if (mirror === undefined)
    throw new Error(`Node.js ${wanted.version} needs glibc ${wanted.glibc}, and apt names no mirror of Debian`);
  return mirror;
}

function hash(algorithm, encoding, file) {
  return createHash(algorithm).update(readFileSync(file)).digest(encoding);
}

function expect(found, recorded, what) {
  if (found !== recorded) throw new Error(`${what} is not what node24.json records: ${found}`);
}

function run(command, args, cwd) {
  const { status, signal, error, stderr } = spawnSync(command, args, {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: commandTimeoutMs,
  });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? signal ?? stderr.trim()}`);
}
