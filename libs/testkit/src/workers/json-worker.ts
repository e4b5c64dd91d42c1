import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Deferred } from '@pharos/lifecycle';
import { TestkitError } from '../errors.ts';
import { ManagedChild, describeExit } from '../process/managed-child.ts';

/** What a worker can be asked: each command has one parameter and a result, both JSON. */
export type WorkerCommands = Record<string, (params: never) => unknown>;

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  /** What went wrong there, with its stack. */
  readonly error?: string;
}

const stopTimeoutMs = 10_000;
/** The most of what a worker says on standard error that is kept for messages, in characters. */
const maxErrorChars = 8_192;

/**
 * A process, in whatever language, that reads commands from its standard input and writes answers to its standard output, one
 * JSON document a line: `{"id", "method", "params"}` and `{"id", "result"}` or `{"id", "error"}`. It ends with its input.
 */
export class JsonWorker<C extends WorkerCommands> {
  readonly #name: string;
  readonly #child: ManagedChild;
  readonly #waiting = new Map<number, Deferred<unknown>>();
  #nextId = 1;
  #said = '';

  private constructor(name: string, child: ManagedChild) {
    this.#name = name;
    this.#child = child;
    const { stdin, stdout, stderr } = child.process;
    if (stdin === null || stdout === null || stderr === null) {
      throw new TestkitError('start-failed', `${name} started without pipes`);
    }
    // A worker that ends while it is written to: its exit says so to all that wait.
    stdin.on('error', () => undefined);
    stderr.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString('utf8')).slice(-maxErrorChars);
    });
    createInterface({ input: stdout, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => this.#answered(line));
    void child.exited.then((status) => this.#ended(describeExit(status)));
  }

  /** @param name for messages */
  static async start<C extends WorkerCommands>(
    name: string,
    command: string,
    args: readonly string[],
  ): Promise<JsonWorker<C>> {
    return new JsonWorker<C>(name, await ManagedChild.start(command, args, { stdio: ['pipe', 'pipe', 'pipe'] }));
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Runs a command there; rejects with what it throws, or when the process ends. */
  async call<M extends keyof C & string>(method: M, ...[params]: Parameters<C[M]>): Promise<Awaited<ReturnType<C[M]>>> {
    if (this.#child.status !== undefined) throw new TestkitError('not-running', `${this.#name} has ended`);
    const id = this.#nextId++;
    const answer = new Deferred<unknown>();
    this.#waiting.set(id, answer);
    const { stdin } = this.#child.process;
    const written = stdin?.write(`${JSON.stringify({ id, method, params })}\n`) ?? true;
    if (stdin !== null && !written) await Promise.race([once(stdin, 'drain'), this.#child.exited, answer.promise]);
    return (await answer.promise) as Awaited<ReturnType<C[M]>>;
  }

  /** Ends its input, and the process where that does not end it; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#child.process.stdin?.end();
    const timer = setTimeout(() => void this.#child.kill(), stopTimeoutMs);
    await this.#child.exited;
    clearTimeout(timer);
  }

  #answered(line: string): void {
    let answer: Answer;
    try {
      answer = JSON.parse(line) as Answer;
    } catch {
      // Not an answer: something that its libraries print. It may explain a failure.
      this.#said = `${this.#said}${line}\n`.slice(-maxErrorChars);
      return;
    }
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.error === undefined) waiting?.resolve(answer.result);
    else waiting?.reject(new Error(`${this.#name}: ${answer.error}\n${this.#said}`.trimEnd()));
  }

  #ended(how: string): void {
    const message = `${this.#name} ended with ${how}:\n${this.#said}`.trimEnd();
    for (const waiting of this.#waiting.values()) waiting.reject(new TestkitError('not-running', message));
    this.#waiting.clear();
  }
}
