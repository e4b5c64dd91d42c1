import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';

/**
 * Process groups that are to die with this process, and the watchdog of each.
 *
 * A test process may be killed with SIGKILL or Ctrl-C, when no exit hook runs. So a shell waits at the end of a pipe that
 * the system closes whichever way this process ends, and then kills the group.
 */
const guarded = new Map<number, ChildProcess>();

/** Once more after a second: a process that is being killed may still finish a write into the folder. */
const script = `read _; kill -KILL -"$1" 2>/dev/null; [ -z "$2" ] || rm -rf "$2" || { sleep 1; rm -rf "$2"; }`;

/** Kills the process group `groupId` when this process ends, however it ends, and removes the folder `scratchDir`. */
export function killWithThisProcess(groupId: number, scratchDir = ''): void {
  if (guarded.size === 0) process.on('exit', killGuarded);
  const watchdog = spawn('/bin/sh', ['-c', script, 'pharos-watchdog', String(groupId), scratchDir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // In a group of its own: a Ctrl-C in the terminal must not end it before it has done its work.
    detached: true,
  });
  watchdog.unref();
  if (watchdog.stdin instanceof Socket) watchdog.stdin.unref();
  watchdog.on('error', () => undefined);
  guarded.set(groupId, watchdog);
}

/** The group has ended by itself: its id may be given to others from now on, so nothing may kill it. */
export function release(groupId: number): void {
  guarded.get(groupId)?.kill('SIGKILL');
  guarded.delete(groupId);
  if (guarded.size === 0) process.off('exit', killGuarded);
}

function killGuarded(): void {
  for (const groupId of guarded.keys()) signalGroup(groupId, 'SIGKILL');
}

/** Sends `signal` to every process of the group; false where the group has ended. */
export function signalGroup(groupId: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-groupId, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
