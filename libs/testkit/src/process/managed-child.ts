import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { Socket } from 'node:net';
import { Deferred, DeadlineExceeded, withDeadline } from '@pharos/lifecycle';
import { TestkitError } from '../errors.ts';
import { killWithThisProcess, release, signalGroup } from './watchdog.ts';

export interface ExitStatus {
  /** The exit code; null where a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ManagedChildOptions {
  readonly cwd?: string;
  /** The whole environment of the process. */
  readonly env?: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
  /** A temporary folder of the process, removed when this process ends before it. */
  readonly scratchDir?: string;
}

/** A process in a group of its own, which never outlives this process and can be killed, frozen and thawed. */
export class ManagedChild {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Resolves, and never rejects, when the process has ended and its output has been read to the end. */
  readonly exited: Promise<ExitStatus>;
  #status: ExitStatus | undefined;

  private constructor(child: ChildProcess, pid: number, scratchDir: string | undefined) {
    this.process = child;
    this.pid = pid;
    killWithThisProcess(pid, scratchDir);
    const exited = new Deferred<ExitStatus>();
    // 'close' comes after 'exit', when the pipes are empty. A grandchild that holds a pipe open must not delay it for
    // ever: it is in the same group and dies with its parent.
    child.once('exit', () => signalGroup(pid, 'SIGKILL'));
    child.once('close', (code, signal) => {
      release(pid);
      this.#status = { code, signal };
      exited.resolve(this.#status);
    });
    this.exited = exited.promise;
  }

  /** Starts `command`, looked for in PATH; throws `tool-missing` where there is no such program. */
  static async start(command: string, args: readonly string[], options: ManagedChildOptions): Promise<ManagedChild> {
    const { scratchDir, ...spawnOptions } = options;
    const child = spawn(command, args, { ...spawnOptions, detached: true });
    const started = new Deferred();
    child.once('spawn', () => started.resolve());
    child.once('error', (error) => {
      started.reject(new TestkitError('tool-missing', `cannot start '${command}'`, { cause: error }));
    });
    // The pid is there as soon as the process is; taking it now closes the gap in which it could outlive this process.
    const managed = child.pid === undefined ? undefined : new ManagedChild(child, child.pid, scratchDir);
    await started.promise;
    if (managed === undefined) throw new TestkitError('start-failed', `'${command}' started without a process id`);
    return managed;
  }

  /** How the process ended; undefined while it runs. */
  get status(): ExitStatus | undefined {
    return this.#status;
  }

  /** Sends `signal` to the process alone, not to what it started. */
  signal(signal: NodeJS.Signals): void {
    this.#assertRunning(`send ${signal} to`);
    this.process.kill(signal);
  }

  /** SIGKILL to the process and all that it started; resolves when it has ended. Does nothing where it has ended already. */
  async kill(): Promise<ExitStatus> {
    if (this.#status === undefined) signalGroup(this.pid, 'SIGKILL');
    return this.exited;
  }

  /** SIGTERM, and SIGKILL to the whole group after `timeoutMs`; resolves when it has ended. */
  async stop(timeoutMs = 10_000): Promise<ExitStatus> {
    if (this.#status !== undefined) return this.#status;
    this.process.kill('SIGTERM');
    // A frozen process would not see the SIGTERM.
    signalGroup(this.pid, 'SIGCONT');
    try {
      return await withDeadline(this.exited, timeoutMs, `the end of process ${this.pid}`);
    } catch (error) {
      if (error instanceof DeadlineExceeded) return this.kill();
      throw error;
    }
  }

  /** Freezes the process and all that it started (SIGSTOP). */
  pause(): void {
    this.#assertRunning('pause');
    signalGroup(this.pid, 'SIGSTOP');
  }

  /** Thaws what {@link pause} froze (SIGCONT). */
  resume(): void {
    this.#assertRunning('resume');
    signalGroup(this.pid, 'SIGCONT');
  }

  /** Lets this process end (and the child with it) while the child runs. */
  unref(): void {
    this.process.unref();
    for (const stream of this.process.stdio) if (stream instanceof Socket) stream.unref();
  }

  #assertRunning(what: string): void {
    if (this.#status === undefined) return;
    throw new TestkitError('not-running', `cannot ${what} process ${this.pid}: it has ended`);
  }
}

/** An exit status in words, for messages. */
export function describeExit(status: ExitStatus): string {
  return status.signal === null ? `exit code ${status.code}` : `signal ${status.signal}`;
}
