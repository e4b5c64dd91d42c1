import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TestkitError } from '../errors.ts';
import { runCommand } from '../process/run-command.ts';

/** Where the POM lies, seen from src/pulsar and from dist/pulsar alike. */
const pomPath = fileURLToPath(new URL('../../pulsar/pom.xml', import.meta.url));

/** A first fetch of 242 MB over a slow line; after that another process gives up waiting for it. */
const fetchTimeoutMs = 20 * 60_000;
const lockPollMs = 200;

/** The folder of Pulsar's jars, fetched with Maven (242 MB) where no earlier run has left them in the user's cache. */
export async function pulsarJars(): Promise<string> {
  const pom = await readFile(pomPath, 'utf8');
  const version = /<pulsar\.version>([^<]+)</.exec(pom)?.[1];
  if (version === undefined) throw new TestkitError('invalid-option', `${pomPath} names no <pulsar.version>`);
  const hash = createHash('sha256').update(pom).digest('hex').slice(0, 8);
  const cache = join(cacheHome(), 'pharos');
  const jars = join(cache, `pulsar-${version}-${hash}`);
  if (existsSync(jars)) return jars;
  await mkdir(cache, { recursive: true });
  await withLock(`${jars}.lock`, async () => {
    if (!existsSync(jars)) await fetchJars(jars);
  });
  return jars;
}

function cacheHome(): string {
  const configured = process.env['XDG_CACHE_HOME'];
  return configured === undefined || configured === '' ? join(homedir(), '.cache') : configured;
}

/** Fetches into a folder beside `jars` and renames it when complete, so that a half-fetched one is never taken for whole. */
async function fetchJars(jars: string): Promise<void> {
  const partial = `${jars}.partial-${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  try {
    const lib = join(partial, 'lib');
    await mkdir(lib, { recursive: true });
    // Maven writes beside its POM; the checkout stays clean.
    await copyFile(pomPath, join(partial, 'pom.xml'));
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
    await runCommand(
      'mvn',
      ['--batch-mode', '--quiet', goal, '-DincludeScope=runtime', `-DoutputDirectory=${lib}`],
      partial,
    );
    await rename(lib, jars);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Holds the folder `lock` while `work` runs; takes it over from an owner that has died. */
async function withLock(lock: string, work: () => Promise<void>): Promise<void> {
  const giveUpAt = Date.now() + fetchTimeoutMs;
  while (!(await tryLock(lock))) {
    if (Date.now() > giveUpAt) {
      throw new TestkitError('wait-timeout', `another process has held ${lock} for ${fetchTimeoutMs} ms`);
    }
    // The owner is another process: there is no event to wait for.
    await delay(lockPollMs);
  }
  try {
    await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function tryLock(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const owner = Number(await readFile(lock, 'utf8').catch(() => ''));
  // Empty for the moment between the owner's creating and writing it.
  if (owner > 0 && !isAlive(owner)) await rm(lock, { force: true });
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
