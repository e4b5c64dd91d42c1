import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Deferred, withDeadline } from '@pharos/lifecycle';

import { Caller } from './caller.ts';
import { type AnswerMessage, type CommandTable, readyMessage } from './commands.ts';

export type ProcessName =
  | 'edge-server'
  | 'floor-server'
  | 'receiver'
  | 'pulsar-publisher'
  | 'pulsar-client'
  | 'sdk-clients'
  | 'raw-clients'
  | 'member-clients'
  | 'seating-edge'
  | 'load-clients'
  | 'requester';

/** How Node.js is told to run TypeScript from source. */
const sourceOptions = new Set(['--conditions', '-C', '--import']);

const startTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;

/**
 * The options of this process that its children need to load the same sources. Never the others: `-e` would make each child
 * run the parent's program, and start children of its own.
 */
export function inheritedOptions(execArgv: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < execArgv.length; index++) {
    const option = execArgv[index] as string;
    const [name = ''] = option.split('=', 1);
    if (!sourceOptions.has(name)) continue;
    kept.push(option);
    if (name !== option) continue;
    // Its value is the next argument.
    index++;
    kept.push(...execArgv.slice(index, index + 1));
  }
  return kept;
}

/** The program `processes/<name>`: built or from source, as this file is. */
export function programOf(name: ProcessName): string {
  return fileURLToPath(new URL(`../processes/${name}${extname(import.meta.url)}`, import.meta.url));
}

/** A process of the bench, and the commands that it takes. */
export class Child<C extends CommandTable> {
  readonly name: ProcessName;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #caller: Caller<C>;
  readonly #exited = new Deferred<void>();
  #stopping = false;

  private constructor(name: ProcessName, child: ChildProcess, pid: number) {
    this.name = name;
    this.pid = pid;
    this.#child = child;
    this.#caller = new Caller(name, child);
    child.on('message', (message) => this.#caller.answered(message as AnswerMessage));
    child.once('exit', (code, signal) => this.#ended(signal ?? `exit code ${code}`));
  }

  /** Starts `processes/<name>`. @param nodeOptions for the process alone, such as `--expose-gc` */
  static async start<C extends CommandTable>(
    name: ProcessName,
    nodeOptions: readonly string[] = [],
  ): Promise<Child<C>> {
    const child = fork(programOf(name), [], {
      execArgv: [...inheritedOptions(process.execArgv), ...nodeOptions],
      // Standard output is the bench's own, for its results.
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    const ready = new Deferred<void>();
    child.once('message', (message) => {
      if (message === readyMessage) ready.resolve();
    });
    child.once('error', (error) => ready.reject(error));
    child.once('exit', (code, signal) =>
      ready.reject(new Error(`${name} ended at its start: ${signal ?? `exit code ${code}`}`)),
    );
    await withDeadline(ready.promise, startTimeoutMs, `the start of ${name}`);
    if (child.pid === undefined) throw new Error(`${name} has no process id`);
    return new Child<C>(name, child, child.pid);
  }

  /** Runs a command there. Rejects with what it throws, or when the process ends. */
  call<M extends keyof C & string>(method: M, ...params: Parameters<C[M]>): Promise<Awaited<ReturnType<C[M]>>> {
    return this.#caller.call(method, ...params);
  }

  /** Lets go of the process; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#child.connected) this.#child.disconnect();
    try {
      await withDeadline(this.#exited.promise, stopTimeoutMs, `the end of ${this.name}`);
    } catch {
      this.#child.kill('SIGKILL');
      await this.#exited.promise;
    }
  }

  #ended(how: string): void {
    this.#exited.resolve();
    this.#caller.ended(how);
    if (!this.#stopping) process.stderr.write(`${this.name} (process ${this.pid}) ended: ${how}\n`);
  }
}

/** All processes of one measurement: whatever goes wrong on the way, they end with it. */
export class ProcessGroup {
  readonly #children: { stop(): Promise<void> }[] = [];

  async start<C extends CommandTable>(name: ProcessName, nodeOptions: readonly string[] = []): Promise<Child<C>> {
    const child = await Child.start<C>(name, nodeOptions);
    this.#children.push(child);
    return child;
  }

  /** Takes a process of another kind in. */
  adopt(child: { stop(): Promise<void> }): void {
    this.#children.push(child);
  }

  /** Ends them, those first that were started last: clients before their server. */
  async stop(): Promise<void> {
    for (const child of this.#children.splice(0).toReversed()) await child.stop();
  }
}
