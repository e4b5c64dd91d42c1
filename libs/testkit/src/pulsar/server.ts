import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import type { ExitStatus } from '../process/managed-child.ts';
import { pulsarJars } from './jars.ts';
import { allAnswer, JavaServer } from './java-server.ts';
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
const maxStarts = 3;

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
  readonly #java: JavaServer;

  constructor(options: PulsarOptions, dataDir: string, jars: string, ports: PulsarPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#jars = jars;
    this.dataDir = dataDir;
    this.logPath = join(dataDir, 'pulsar.log');
    this.serviceUrl = `pulsar://127.0.0.1:${ports.broker}`;
    this.adminUrl = `http://127.0.0.1:${ports.web}`;
    // The namespace is asked for too: standalone makes it after the broker calls itself ready.
    const asked = ['brokers/ready', 'namespaces/public/default'].map((path) => `${this.adminUrl}/admin/v2/${path}`);
    this.#java = new JavaServer({
      what: 'the broker',
      dataDir,
      logPath: this.logPath,
      scratch: options.dataDir === undefined,
      readyTimeoutMs: options.readyTimeoutMs ?? defaultReadyTimeoutMs,
      isReady: () => allAnswer(asked, options.adminHeaders),
    });
  }

  /** Process id of the broker; throws `not-running` where it has ended. */
  get pid(): number {
    return this.#java.pid;
  }

  /** Resolves when the broker's process of the latest start has ended. */
  get exited(): Promise<ExitStatus> {
    return this.#java.exited;
  }

  /** Starts the broker on the same ports and data; resolves when it serves. Throws `start-failed` with the end of its log. */
  async start(): Promise<void> {
    await writeSettings(this.dataDir, this.#ports, this.#options.overrides ?? {});
    await this.#java.start(javaArguments(this.#jars, this.dataDir, this.#ports, this.#options.javaOptions ?? []));
  }

  /** SIGKILL; resolves when the process has ended. The data stays, for {@link restart}. */
  async kill(): Promise<void> {
    await this.#java.kill();
  }

  /** Ends the broker where it runs (with SIGKILL if `how` is `kill`, else orderly), and starts it on the same ports and data. */
  async restart(how: 'kill' | 'stop' = 'stop'): Promise<void> {
    if (how === 'kill') await this.#java.kill();
    else await this.#java.stop(stopTimeoutMs);
    await this.start();
  }

  /** Freezes the broker: connections stay open and nothing is answered. */
  pause(): void {
    this.#java.pause();
  }

  /** Thaws what {@link pause} froze. */
  resume(): void {
    this.#java.resume();
  }

  /** Ends the broker: orderly where its data is kept, at once where the data is temporary and removed with it. */
  async stop(): Promise<void> {
    if (this.#options.dataDir !== undefined) return this.#java.stop(stopTimeoutMs);
    await this.#java.kill();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Lets this process end, and the broker with it, without {@link stop}. */
  unref(): void {
    this.#java.unref();
  }

  /** Whether the last start failed because another process had taken one of the ports. */
  failedToBind(): Promise<boolean> {
    return this.#java.failedToBind();
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
