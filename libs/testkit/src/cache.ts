import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TestkitError } from './errors.ts';

/** A first fetch of 242 MB over a slow line; after that another process gives up waiting for it. */
const makeTimeoutMs = 20 * 60_000;
const lockPollMs = 200;

/**
 * The folder `name` of the project's part of the user's cache. Where no earlier run has left it, `make` fills a folder beside it,
 * which takes the name when it is complete: a half-made one is never taken for whole.
 */
export async function cachedFolder(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const cache = join(cacheHome(), 'pharos');
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (!existsSync(folder)) await makeAndRename(folder, make);
  });
  return folder;
}

function cacheHome(): string {
  const configured = process.env['XDG_CACHE_HOME'];
  return configured === undefined || configured === '' ? join(homedir(), '.cache') : configured;
}

async function makeAndRename(folder: string, make: (folder: string) => Promise<void>): Promise<void> {
  const partial = `${folder}.partial-${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  try {
    await mkdir(partial);
    await make(partial);
    await rename(partial, folder);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Holds the folder `lock` while `work` runs; takes it over from an owner that has died. */
async function withLock(lock: string, work: () => Promise<void>): Promise<void> {
  const giveUpAt = Date.now() + makeTimeoutMs;
  while (!(await tryLock(lock))) {
    if (Date.now() > giveUpAt) {
      throw new TestkitError('wait-timeout', `another process has held ${lock} for ${makeTimeoutMs} ms`);
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
