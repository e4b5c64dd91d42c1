import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestkitError } from './errors.ts';
import { freePort } from './free-port.ts';
import { spawnService } from './process/service-process.ts';
import type { ServiceProcess } from './process/service-process.ts';
import { toolPath } from './tools.ts';

export interface RedisOptions {
  /** More settings of redis-server, such as `{ maxmemory: '64mb' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Runs it as a sentinel with these lines of its configuration. */
  readonly sentinel?: string;
}

const maxStarts = 3;

/** A redis-server on 127.0.0.1 that keeps nothing on disk and dies with this process. */
export class RedisServer {
  readonly port: number;
  /** `redis://127.0.0.1:<port>`. */
  readonly url: string;
  /** The port of the cluster bus; 0 where the server is no node of one. */
  readonly clusterPort: number;
  readonly #args: readonly string[];
  readonly #dir: string;
  readonly #sentinel: string | undefined;
  #process: ServiceProcess | undefined;

  constructor(port: number, dir: string, options: RedisOptions) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.clusterPort = Number(options.settings?.['cluster-port'] ?? 0);
    this.#dir = dir;
    this.#sentinel = options.sentinel;
    const stored = options.sentinel === undefined ? { save: '', appendonly: 'no' } : {};
    const all = { port: String(port), bind: '127.0.0.1', dir, ...stored, ...options.settings };
    this.#args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  }

  /** Process id of the server; throws `not-running` where it has ended. */
  get pid(): number {
    return this.#running().pid;
  }

  /** Starts the server, empty, on the same port; resolves when it serves. */
  async start(): Promise<void> {
    const readyPattern = this.#sentinel === undefined ? /Ready to accept connections/ : /Sentinel ID is/;
    const sentinelArgs = this.#sentinel === undefined ? [] : [await this.#sentinelFile(this.#sentinel), '--sentinel'];
    const args = [...sentinelArgs, ...this.#args];
    this.#process = await spawnService(toolPath('redis'), args, { cwd: this.#dir, readyPattern });
  }

  /** The file that a sentinel reads at its start, and rewrites as it learns. */
  async #sentinelFile(lines: string): Promise<string> {
    const path = join(this.#dir, 'sentinel.conf');
    await writeFile(path, lines);
    return path;
  }

  /** SIGKILL; resolves when the process has ended. What it held is lost. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** Kills the server where it runs and starts it, empty, on the same port. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void {
    this.#running().pause();
  }

  /** SIGCONT. */
  resume(): void {
    this.#running().resume();
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }

  #running(): ServiceProcess {
    if (this.#process === undefined || this.#process.status !== undefined) {
      throw new TestkitError('not-running', 'the Redis server does not run');
    }
    return this.#process;
  }
}

/** Starts a redis-server on a free port; throws `tool-missing` where there is none in PATH. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  for (let start = 1; ; start++) {
    const dir = await mkdtemp(join(tmpdir(), 'pharos-redis-'));
    const server = new RedisServer(await freePort(), dir, options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      const portTaken = error instanceof TestkitError && /Address already in use/.test(error.message);
      if (!portTaken || start === maxStarts) throw error;
    }
  }
}
