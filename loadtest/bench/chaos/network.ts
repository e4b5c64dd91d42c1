import { spawnSync } from 'node:child_process';

/**
 * TCP segments with data that a process has sent to `port` over its open connections: no fewer than the requests that it made.
 * Undefined where `ss` isn't installed.
 */
export function sentSegments(pid: number, port: number): number | undefined {
  const { stdout, error } = spawnSync('ss', ['-tinpH', 'dst', `127.0.0.1:${port}`], { encoding: 'utf8' });
  if (error !== undefined) return undefined;
  let sum = 0;
  let isOwn = false;
  for (const line of stdout.split('\n')) {
    // A connection is a line, and an indented one with its counters.
    if (!/^\s/.test(line)) isOwn = line.includes(`pid=${pid},`);
    else if (isOwn) sum += Number(/data_segs_out:(\d+)/.exec(line)?.[1] ?? 0);
  }
  return sum;
}
