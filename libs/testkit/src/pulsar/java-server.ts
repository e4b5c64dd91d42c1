import { closeSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { TestkitError } from '../errors.ts';
import { ManagedChild, describeExit } from '../process/managed-child.ts';
import type { ExitStatus } from '../process/managed-child.ts';

export interface JavaServerOptions {
  /** For messages: `the broker`. */
  readonly what: string;
  /** Where it runs. */
  readonly dataDir: string;
  /** What it prints, of all its starts. */
  readonly logPath: string;
  /** The data goes with the process that started it. */
  readonly scratch: boolean;
  readonly readyTimeoutMs: number;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly isReady: () => Promise<boolean>;
}

const readyPollMs = 50;
const logTailBytes = 6_000;

/** A server in Java that dies with this process, and may be started again once it has ended. */
export class JavaServer {
  readonly #options: JavaServerOptions;
  #child: ManagedChild | undefined;

  constructor(options: JavaServerOptions) {
    this.#options = options;
  }

  /** Throws `not-running` where it has ended. */
  get pid(): number {
    return this.#running().pid;
  }

  /** Resolves when the process of the latest start has ended. */
  get exited(): Promise<ExitStatus> {
    return this.#child?.exited ?? Promise.resolve({ code: null, signal: null });
  }

  /** @param args of `java`. Resolves when it serves; throws `start-failed` with the end of its log */
  async start(args: readonly string[]): Promise<void> {
    const { what, dataDir, logPath, scratch, env } = this.#options;
    if (this.#child !== undefined && this.#child.status === undefined) {
      throw new TestkitError('start-failed', `${what} runs already, as process ${this.#child.pid}`);
    }
    const log = openSync(logPath, 'a');
    try {
      this.#child = await ManagedChild.start('java', args, {
        cwd: dataDir,
        stdio: ['ignore', log, log],
        ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
        ...(scratch ? { scratchDir: dataDir } : {}),
      });
    } finally {
      closeSync(log);
    }
    await this.#waitUntilReady(this.#child);
  }

  /** SIGKILL; resolves when it has ended. */
  async kill(): Promise<void> {
    await this.#child?.kill();
  }

  /** SIGTERM, and SIGKILL after `timeoutMs`. */
  async stop(timeoutMs: number): Promise<void> {
    await this.#child?.stop(timeoutMs);
  }

  pause(): void {
    this.#running().pause();
  }

  resume(): void {
    this.#running().resume();
  }

  unref(): void {
    this.#child?.unref();
  }

  /** Whether the last start failed because another process had taken one of the ports. */
  async failedToBind(): Promise<boolean> {
    return /Address already in use|BindException|Failed to bind/i.test(await this.#logTail());
  }

  #running(): ManagedChild {
    if (this.#child === undefined || this.#child.status !== undefined) {
      throw new TestkitError('not-running', `${this.#options.what} does not run`);
    }
    return this.#child;
  }

  async #waitUntilReady(child: ManagedChild): Promise<void> {
    const { what, readyTimeoutMs, isReady } = this.#options;
    const giveUpAt = Date.now() + readyTimeoutMs;
    while (!(await isReady())) {
      if (child.status !== undefined) {
        const log = await this.#logTail();
        throw new TestkitError('start-failed', `${what} ended with ${describeExit(child.status)}:\n${log}`);
      }
      if (Date.now() > giveUpAt) {
        await child.kill();
        const text = `${what} was not ready in ${readyTimeoutMs} ms:\n${await this.#logTail()}`;
        throw new TestkitError('start-failed', text);
      }
      // It tells nobody when it is ready: it has to be asked.
      await delay(readyPollMs);
    }
  }

  async #logTail(): Promise<string> {
    const file = await open(this.#options.logPath);
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - logTailBytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
      return buffer.subarray(0, bytesRead).toString('utf8').trimEnd();
    } finally {
      await file.close();
    }
  }
}

/** Whether all of these URLs answer with success. */
export async function allAnswer(
  urls: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  for (const url of urls) {
    try {
      const response = await fetch(url, { headers, signal: AbortSignal.timeout(5_000) });
      await response.arrayBuffer();
      if (!response.ok) return false;
    } catch {
      return false;
    }
  }
  return true;
}
