import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TestkitError } from '../errors.ts';
import { freePort } from '../free-port.ts';
import { ManagedChild, describeExit } from '../process/managed-child.ts';
import type { ExitStatus } from '../process/managed-child.ts';
import { pulsarJars } from './jars.ts';
import { javaArguments, writeSettings } from './settings.ts';
import type { PulsarPorts } from './settings.ts';

export interface PulsarOptions {
  /**
   * Folder that keeps topics and ports over runs; made where it is missing.
   * @default a temporary folder that `stop` removes
   */
  readonly dataDir?: string;
  /** Broker settings that replace the testkit's own; an empty value takes a setting out (`brokerEntryMetadataInterceptors: ''`). */
  readonly overrides?: Readonly<Record<string, string>>;
  /** More arguments for the Java virtual machine, such as `-Xmx1g`. */
  readonly javaOptions?: readonly string[];
  /** Port of the Pulsar protocol. @default a free one */
  readonly brokerPort?: number;
  /** Port of the admin REST API. @default a free one */
  readonly webPort?: number;
  /** What the admin REST API must be asked with: a broker that lets nobody in must still say when it is ready. */
  readonly adminHeaders?: Readonly<Record<string, string>>;
  /** How long the broker may take to become ready, on a machine that is busy with other tests. @default 120000 */
  readonly readyTimeoutMs?: number;
}

const defaultReadyTimeoutMs = 120_000;
const stopTimeoutMs = 20_000;
const readyPollMs = 50;
const maxStarts = 3;
const logTailBytes = 6_000;

/** A Pulsar standalone of one broker and one bookie on 127.0.0.1, which dies with this process. */
export class PulsarServer {
  /** `pulsar://127.0.0.1:<port>`. */
  readonly serviceUrl: string;
  /** `http://127.0.0.1:<port>`, without a path. */
  readonly adminUrl: string;
  readonly dataDir: string;
  /** What the broker printed, of all its starts. */
  readonly logPath: string;
  readonly #options: PulsarOptions;
  readonly #ports: PulsarPorts;
  readonly #jars: string;
  #child: ManagedChild | undefined;

  constructor(options: PulsarOptions, dataDir: string, jars: string, ports: PulsarPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#jars = jars;
    this.dataDir = dataDir;
    this.logPath = join(dataDir, 'pulsar.log');
    this.serviceUrl = `pulsar://127.0.0.1:${ports.broker}`;
    this.adminUrl = `http://127.0.0.1:${ports.web}`;
  }

  /** Process id of the broker; throws `not-running` where it has ended. */
  get pid(): number {
    return this.#running().pid;
  }

  /** Resolves when the broker's process of the latest start has ended. */
  get exited(): Promise<ExitStatus> {
    return this.#child?.exited ?? Promise.resolve({ code: null, signal: null });
  }

  /** Starts the broker on the same ports and data; resolves when it serves. Throws `start-failed` with the end of its log. */
  async start(): Promise<void> {
    if (this.#child !== undefined && this.#child.status === undefined) {
      throw new TestkitError('start-failed', `the broker runs already, as process ${this.#child.pid}`);
    }
    await writeSettings(this.dataDir, this.#ports, this.#options.overrides ?? {});
    const log = openSync(this.logPath, 'a');
    try {
      const args = javaArguments(this.#jars, this.dataDir, this.#ports, this.#options.javaOptions ?? []);
      this.#child = await ManagedChild.start('java', args, {
        cwd: this.dataDir,
        stdio: ['ignore', log, log],
        ...(this.#options.dataDir === undefined ? { scratchDir: this.dataDir } : {}),
      });
    } finally {
      closeSync(log);
    }
    await this.#waitUntilReady(this.#child);
  }

  /** SIGKILL; resolves when the process has ended. The data stays, for {@link restart}. */
  async kill(): Promise<void> {
    await this.#child?.kill();
  }

  /** Ends the broker where it runs (with SIGKILL if `how` is `kill`, else orderly), and starts it on the same ports and data. */
  async restart(how: 'kill' | 'stop' = 'stop'): Promise<void> {
    if (how === 'kill') await this.#child?.kill();
    else await this.#child?.stop(stopTimeoutMs);
    await this.start();
  }

  /** Freezes the broker: connections stay open and nothing is answered. */
  pause(): void {
    this.#running().pause();
  }

  /** Thaws what {@link pause} froze. */
  resume(): void {
    this.#running().resume();
  }

  /** Ends the broker: orderly where its data is kept, at once where the data is temporary and removed with it. */
  async stop(): Promise<void> {
    if (this.#options.dataDir !== undefined) {
      await this.#child?.stop(stopTimeoutMs);
      return;
    }
    await this.#child?.kill();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Lets this process end, and the broker with it, without {@link stop}. */
  unref(): void {
    this.#child?.unref();
  }

  /** Whether the last start failed because another process had taken one of the ports. */
  async failedToBind(): Promise<boolean> {
    return /Address already in use|BindException|Failed to bind/i.test(await this.#logTail());
  }

  #running(): ManagedChild {
    if (this.#child === undefined || this.#child.status !== undefined) {
      throw new TestkitError('not-running', 'the broker does not run');
    }
    return this.#child;
  }

  async #waitUntilReady(child: ManagedChild): Promise<void> {
    const timeoutMs = this.#options.readyTimeoutMs ?? defaultReadyTimeoutMs;
    const giveUpAt = Date.now() + timeoutMs;
    while (!(await this.#isReady())) {
      if (child.status !== undefined) {
        const log = await this.#logTail();
        throw new TestkitError('start-failed', `the broker ended with ${describeExit(child.status)}:\n${log}`);
      }
      if (Date.now() > giveUpAt) {
        await child.kill();
        throw new TestkitError(
          'start-failed',
          `the broker was not ready in ${timeoutMs} ms:\n${await this.#logTail()}`,
        );
      }
      // The broker tells nobody when it is ready: it has to be asked.
      await delay(readyPollMs);
    }
  }

  /** The namespace is asked for too: standalone makes it after the broker calls itself ready. */
  async #isReady(): Promise<boolean> {
    for (const path of ['/admin/v2/brokers/ready', '/admin/v2/namespaces/public/default']) {
      try {
        const headers = this.#options.adminHeaders ?? {};
        const response = await fetch(this.adminUrl + path, { headers, signal: AbortSignal.timeout(5_000) });
        await response.arrayBuffer();
        if (!response.ok) return false;
      } catch {
        return false;
      }
    }
    return true;
  }

  async #logTail(): Promise<string> {
    const file = await open(this.logPath);
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

/** Starts a Pulsar standalone and resolves when it serves: about 6 s, and a minute more when its jars are first fetched. */
export async function startPulsar(options: PulsarOptions = {}): Promise<PulsarServer> {
  const jars = await pulsarJars();
  for (let start = 1; ; start++) {
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'pharos-pulsar-')));
    await mkdir(dataDir, { recursive: true });
    const server = new PulsarServer(options, dataDir, jars, await choosePorts(options, dataDir));
    // A kept folder would gather the logs of all its runs.
    await rm(server.logPath, { force: true });
    try {
      await server.start();
      return server;
    } catch (error) {
      const retry = start < maxStarts && options.dataDir === undefined && (await server.failedToBind());
      await server.stop();
      if (!retry) throw error;
    }
  }
}

/** The bookie's port is part of its identity on disk, so a kept data folder remembers it. */
async function choosePorts(options: PulsarOptions, dataDir: string): Promise<PulsarPorts> {
  const bookieFile = join(dataDir, 'bookie-port');
  const known = existsSync(bookieFile) ? Number(await readFile(bookieFile, 'utf8')) : undefined;
  const bookie = known ?? (await freePort());
  if (known === undefined) await writeFile(bookieFile, String(bookie));
  return { broker: options.brokerPort ?? (await freePort()), web: options.webPort ?? (await freePort()), bookie };
}
