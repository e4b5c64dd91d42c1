import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import type { Checked } from './delivery-check.ts';
import type { Sample } from './pairs.ts';

/** CPU that a process has used since it began, all its threads together, in clock ticks. */
export interface CpuTicks {
  readonly user: number;
  readonly system: number;
}

/** Reads the text of `/proc/<pid>/stat`. @throws SyntaxError where it isn't that */
export function parseStat(text: string): CpuTicks {
  // The program's name is in parentheses and may hold spaces and parentheses itself: fields are counted after the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // Fields 14 and 15 of proc(5); the first after the name is the third.
  const user = Number(fields[11]);
  const system = Number(fields[12]);
  if (!text.includes(')') || !Number.isSafeInteger(user) || !Number.isSafeInteger(system)) {
    throw new SyntaxError(`expected the text of /proc/<pid>/stat, got '${text.slice(0, 80)}'`);
  }
  return { user, system };
}

/** Resident bytes from the text of `/proc/<pid>/smaps_rollup`. @throws SyntaxError where it isn't that */
export function parseRss(text: string): number {
  const found = /^Rss:\s+(\d+) kB$/m.exec(text);
  if (found === null)
    throw new SyntaxError(`expected the text of /proc/<pid>/smaps_rollup, got '${text.slice(0, 80)}'`);
  return Number(found[1]) * 1024;
}

/** How many descriptors this process may have open; Node.js has raised it to what the system allows. */
export function descriptorLimit(): number {
  const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft);
}

let ticksPerSecond: number | undefined;

/** Microseconds of CPU, user and system, that a process has used since it began; one tick (mostly 10 ms) exact. */
export function cpuMicros(pid: number): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const { user, system } = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return ((user + system) * 1_000_000) / ticksPerSecond;
}

/** Fewer ticks say hardly more than that there was something. */
const fewMicros = 30_000;

/**
 * A sample of the CPU that was used for so many units, in microseconds for each; void where it is too little to be counted, and then at least a
 * microsecond in all, so that ratios exist.
 */
export function cpuSample(micros: number, units: number, checked: Checked): Sample {
  const value = Math.max(1, micros) / units;
  if (micros >= fewMicros) return { value, checked };
  return { value, checked, void: `${micros / 1_000} ms of CPU are too little to be counted` };
}

/** Resident memory of a process. The rollup is counted page by page; VmRSS of `status` may be off by hundreds of KiB. */
export function rssBytes(pid: number): number {
  return parseRss(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
}
