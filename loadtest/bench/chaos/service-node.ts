import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, freePort, type ServiceProcess, spawnService } from '@pharos/testkit';

import type { SeatCommands } from '../clients/commands.ts';
import { Caller } from '../frame/caller.ts';
import { inheritedOptions, programOf } from '../frame/child.ts';
import { type AnswerMessage, readyMessage } from '../frame/commands.ts';

/** Services that a rig starts as processes. */
export type Role = 'edge' | 'history' | 'presence' | 'api';

/** The project's root, seen from loadtest/bench/chaos and from loadtest/dist/chaos alike. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const bin = join(root, 'services', 'cli', 'bin', 'pharos.mjs');
/** Long, for it is no measure: on a machine that is asked too much, four edges at once took more than a minute. */
const readyTimeoutMs = 120_000;

/** One service as a process of its own, at fixed addresses, that can be killed, frozen, thawed and started again. */
export class ServiceNode {
  readonly role: Role;
  readonly name: string;
  /** Where clients, or applications, connect; edges and the API only. */
  readonly port: number;
  readonly #internalPort: number;
  readonly #configFile: string;
  readonly #seating: boolean;
  #seats: Caller<SeatCommands> | undefined;
  #process: ServiceProcess | undefined;
  /** Warnings of those that ran before. */
  readonly #formerWarnings: string[] = [];
  #inspected: { readonly process: ServiceProcess; readonly url: string } | undefined;
  /** When it was killed or frozen, newest last. */
  readonly faults: { readonly what: 'killed' | 'frozen'; readonly fromMs: number; toMs: number }[] = [];

  private constructor(
    role: Role,
    name: string,
    ports: readonly [number, number],
    configFile: string,
    seating: boolean,
  ) {
    this.role = role;
    this.name = name;
    [this.port, this.#internalPort] = ports;
    this.#configFile = configFile;
    this.#seating = seating;
  }

  /**
   * @param folder for its configuration
   * @param seating an edge that takes members in its own process, too
   */
  static async create(
    role: Role,
    name: string,
    folder: string,
    settings: object,
    seating: boolean = false,
  ): Promise<ServiceNode> {
    const ports = [await freePort(), await freePort()] as const;
    const configFile = join(folder, `${name}.yaml`);
    const listen = role === 'edge' || role === 'api' ? { listen: `127.0.0.1:${ports[0]}` } : {};
    const own = { name, internal: { listen: `127.0.0.1:${ports[1]}` }, ...listen };
    // JSON is YAML.
    await writeFile(configFile, JSON.stringify({ ...own, ...settings }, undefined, 2));
    return new ServiceNode(role, name, ports, configFile, seating);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/connection/websocket`;
  }

  get metricsUrl(): string {
    return `http://127.0.0.1:${this.#internalPort}/metrics`;
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.status === undefined;
  }

  get isFrozen(): boolean {
    const last = this.faults.at(-1);
    return last?.what === 'frozen' && last.toMs === Number.POSITIVE_INFINITY;
  }

  /** Process id. @throws Error where it doesn't run */
  get pid(): number {
    return this.#running().pid;
  }

  /** Members in its own process. @throws Error where it doesn't run, or takes none */
  get seats(): Caller<SeatCommands> {
    this.#running();
    if (this.#seats === undefined) throw new Error(`${this.name} takes no members in its own process`);
    return this.#seats;
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const program = this.#seating
      ? [...inheritedOptions(process.execArgv), programOf('seating-edge'), this.#configFile]
      : [bin, 'serve', this.role, '--config', this.#configFile];
    // An inspector opens at SIGUSR1 only, and at a port that is free.
    const args = ['--inspect-port=0', '--enable-source-maps', ...program];
    const none = Object.keys(process.env).filter((name) => name.startsWith('PHAROS_'));
    const env = Object.fromEntries(none.map((name) => [name, undefined]));
    if (this.#process !== undefined) this.#formerWarnings.push(...warningsOf(this.#process));
    const service = await spawnService(process.execPath, args, { cwd: root, env, ipc: this.#seating });
    this.#process = service;
    if (this.#seating) this.#seats = callerOf(this.name, service);
    try {
      const ended = service.exited.then(() => Promise.reject(new Error(`${this.name} has ended`)));
      await Promise.race([eventually(() => this.#isReady(), `readiness of ${this.name}`, readyTimeoutMs), ended]);
    } catch (error) {
      await service.kill();
      throw new Error(`${this.name} did not start:\n${this.tail()}`, { cause: error });
    }
    this.#over();
  }

  /** kill -9; resolves when it has ended. */
  async kill(): Promise<void> {
    this.#begin('killed');
    await this.#running().kill();
  }

  /** SIGSTOP. */
  pause(): void {
    this.#begin('frozen');
    this.#running().pause();
  }

  /** SIGCONT. */
  resume(): void {
    this.#running().resume();
    this.#over();
  }

  /** SIGTERM; its exit code. */
  async stop(): Promise<number | null> {
    if (this.#process === undefined || !this.isRunning) return 0;
    return (await this.#process.stop(30_000)).code;
  }

  /** A counter or gauge of its metrics, summed over the labels that aren't given; 0 where there is none. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const response = await fetch(this.metricsUrl);
    const lines = (await response.text()).split('\n').filter((line) => /^[a-z_]+/.exec(line)?.[0] === name);
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    return lines
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** Where its inspector listens, which is opened by the first call. */
  async inspectorUrl(): Promise<string> {
    const running = this.#running();
    if (this.#inspected?.process !== running) {
      running.signal('SIGUSR1');
      const [, url = ''] = await running.stderr.waitFor(/Debugger listening on (ws:\S+)/);
      this.#inspected = { process: running, url };
    }
    return this.#inspected.url;
  }

  /** Its last words, for messages. */
  tail(): string {
    const process = this.#process;
    return process === undefined ? '' : `${process.stdout.tail()}\n${process.stderr.tail()}`.trim();
  }

  /** All lines of its log at level warn and above, of all its lives. */
  warnings(): string[] {
    return [...this.#formerWarnings, ...(this.#process === undefined ? [] : warningsOf(this.#process))];
  }

  async #isReady(): Promise<true | undefined> {
    const response = await fetch(`http://127.0.0.1:${this.#internalPort}/health/ready`);
    await response.arrayBuffer();
    return response.status === 200 ? true : undefined;
  }

  #begin(what: 'killed' | 'frozen'): void {
    this.faults.push({ what, fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY });
  }

  #over(): void {
    const last = this.faults.at(-1);
    if (last?.toMs === Number.POSITIVE_INFINITY) last.toMs = Date.now();
  }

  #running(): ServiceProcess {
    if (this.#process === undefined || !this.isRunning) throw new Error(`${this.name} does not run`);
    return this.#process;
  }
}

function callerOf(name: string, { ipc, exited }: ServiceProcess): Caller<SeatCommands> {
  const caller = new Caller<SeatCommands>(name, ipc);
  ipc.on('message', (message) => {
    if (message !== readyMessage) caller.answered(message as AnswerMessage);
  });
  void exited.then(({ code, signal }) => caller.ended(signal ?? `exit code ${code}`));
  return caller;
}

function warningsOf({ stdout, stderr }: ServiceProcess): string[] {
  return [...stdout.lines, ...stderr.lines].filter((line) => /"level":(?:40|50|60|"warn"|"error"|"fatal")/.test(line));
}
