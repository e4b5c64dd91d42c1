import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly kernel: string;
}

export interface Versions {
  readonly node: string;
  readonly uWebSockets: string;
  /** Commit of the checkout; `+` after it where files differ from it. */
  readonly pharos: string;
}

export function machine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: `${process.platform} ${release()}`,
  };
}

export function versions(): Versions {
  return { node: process.versions.node, uWebSockets: packageVersion('uWebSockets.js'), pharos: commit() };
}

function packageVersion(name: string): string {
  const manifest = new URL('package.json', import.meta.resolve(name));
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

function commit(): string {
  const git = (...args: string[]): string | undefined => {
    const { status, stdout } = spawnSync('git', args, { cwd: new URL('.', import.meta.url), encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  };
  const head = git('rev-parse', 'HEAD');
  if (head === undefined) return 'unknown';
  return git('status', '--porcelain', '--untracked-files=no') === '' ? head : `${head}+`;
}
