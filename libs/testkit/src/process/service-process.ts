import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { TestkitError } from '../errors.ts';
import { LineLog } from './line-log.ts';
import type { LineWaitOptions } from './line-log.ts';
import { ManagedChild, describeExit } from './managed-child.ts';
import type { ExitStatus } from './managed-child.ts';

export interface SpawnServiceOptions {
  /** @default the working folder of this process */
  readonly cwd?: string;
  /** Added to this process's environment; undefined takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The process counts as started when a line of its standard output or standard error matches. @default at once */
  readonly readyPattern?: RegExp;
  /** @default 30000 */
  readonly readyTimeoutMs?: number;
  /** With a channel for messages, to a program of Node.js. @default false */
  readonly ipc?: boolean;
}

/** Messages to and from a process. */
export type IpcChannel = Pick<ChildProcess, 'connected' | 'send' | 'on'>;

/** A process of the product under test, with its output in lines. It dies with this process. */
export class ServiceProcess {
  readonly stdout: LineLog;
  readonly stderr: LineLog;
  readonly #child: ManagedChild;
  readonly #stdin: Writable;

  constructor(child: ManagedChild, stdin: Writable, stdout: Readable, stderr: Readable) {
    this.#child = child;
    this.#stdin = stdin;
    this.stdout = new LineLog(`standard output of process ${child.pid}`, stdout);
    this.stderr = new LineLog(`standard error of process ${child.pid}`, stderr);
    // A process that ends while it is written to: the test learns of it from the exit status.
    stdin.on('error', () => undefined);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Of a process that was started with one. */
  get ipc(): IpcChannel {
    return this.#child.process;
  }

  /** How the process ended; undefined while it runs. */
  get status(): ExitStatus | undefined {
    return this.#child.status;
  }

  /** Resolves, and never rejects, when the process has ended and its output has been read. */
  get exited(): Promise<ExitStatus> {
    return this.#child.exited;
  }

  /** Waits for a line on standard output; see {@link LineLog.waitFor}. */
  waitForLine(pattern: RegExp, options?: LineWaitOptions): Promise<RegExpExecArray> {
    return this.stdout.waitFor(pattern, options);
  }

  /** Writes to standard input; resolves when the process has room for more, or has ended. */
  async write(text: string | Buffer): Promise<void> {
    if (this.#stdin.write(text)) return;
    const drained = once(this.#stdin, 'drain').catch(() => this.exited);
    await Promise.race([drained, this.exited]);
  }

  /** Ends standard input. */
  endInput(): void {
    this.#stdin.end();
  }

  /** Sends `signal` to the process alone, not to what it started. */
  signal(signal: NodeJS.Signals): void {
    this.#child.signal(signal);
  }

  /** SIGKILL to the process and all that it started. */
  kill(): Promise<ExitStatus> {
    return this.#child.kill();
  }

  /** SIGTERM, and SIGKILL after `timeoutMs`. @default 10000 */
  stop(timeoutMs?: number): Promise<ExitStatus> {
    return this.#child.stop(timeoutMs);
  }

  /** SIGSTOP. */
  pause(): void {
    this.#child.pause();
  }

  /** SIGCONT. */
  resume(): void {
    this.#child.resume();
  }
}

/** Starts a process; with `readyPattern`, resolves when it has printed such a line. Throws `start-failed` with its output. */
export async function spawnService(
  command: string,
  args: readonly string[] = [],
  options: SpawnServiceOptions = {},
): Promise<ServiceProcess> {
  const child = await ManagedChild.start(command, args, {
    stdio: ['pipe', 'pipe', 'pipe', ...(options.ipc === true ? (['ipc'] as const) : [])],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const { stdin, stdout, stderr } = child.process;
  if (stdin === null || stdout === null || stderr === null) {
    throw new TestkitError('start-failed', `'${command}' started without pipes`);
  }
  const service = new ServiceProcess(child, stdin, stdout, stderr);
  if (options.readyPattern !== undefined) await waitUntilReady(service, command, options.readyPattern, options);
  return service;
}

async function waitUntilReady(
  service: ServiceProcess,
  command: string,
  pattern: RegExp,
  options: SpawnServiceOptions,
): Promise<void> {
  const wait: LineWaitOptions = options.readyTimeoutMs === undefined ? {} : { timeoutMs: options.readyTimeoutMs };
  try {
    await Promise.any([service.stdout.waitFor(pattern, wait), service.stderr.waitFor(pattern, wait)]);
  } catch (error) {
    const ended = error instanceof AggregateError && error.errors.every(isEndOfOutput);
    // A process whose outputs have ended is ending, with a status that this signal no longer changes.
    const status = await service.kill();
    const how = ended ? describeExit(status) : 'no such line came in time';
    const output = `${service.stdout.tail()}\n${service.stderr.tail()}`.trim();
    throw new TestkitError('start-failed', `'${command}' was not ready (${pattern}): ${how}:\n${output}`, {
      cause: error,
    });
  }
}

function isEndOfOutput(error: unknown): boolean {
  return error instanceof TestkitError && error.code === 'not-running';
}
