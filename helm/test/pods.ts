import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually, freePort, type ServiceProcess, spawnService } from '@pharos/testkit';
import { at, type Rendered } from './chart.ts';
import { type CommandResult, pharos } from './pharos.ts';

/** What the image runs; see deploy/docker/Dockerfile. */
const entrypoint = fileURLToPath(new URL('../../services/cli/bin/pharos.mjs', import.meta.url));

interface Probe {
  readonly path: string;
  readonly periodSeconds: number;
  readonly failureThreshold: number;
}

/** What a kubelet needs to know of a Deployment's pods. */
export interface PodTemplate {
  readonly component: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly preStopSeconds: number;
  readonly graceSeconds: number;
  readonly minReadySeconds: number;
  readonly startup: Probe;
  readonly readiness: Probe;
  readonly liveness: Probe;
}

/** Reads it from what the chart made; the ConfigMap becomes a file in `folder`. */
export function podTemplate(rendered: Rendered, component: string, folder: string): PodTemplate {
  const container = rendered.container(component);
  const mount = join(folder, component);
  mkdirSync(mount, { recursive: true });
  writeFileSync(join(mount, 'pharos.yaml'), rendered.config(component));
  const probe = (name: string): Probe => ({
    path: String(at(container, `${name}.httpGet.path`)),
    periodSeconds: Number(at(container, `${name}.periodSeconds`)),
    failureThreshold: Number(at(container, `${name}.failureThreshold`)),
  });
  const env = [...rendered.env(component)].filter(([, value]) => typeof value === 'string');
  return {
    component,
    args: (at(container, 'args') as string[]).map((arg) => arg.replace('/etc/pharos/config', mount)),
    env: Object.fromEntries(env.map(([name, value]) => [name, value.replace('/etc/pharos/settings', folder)])),
    preStopSeconds: Number(at(container, 'lifecycle.preStop.sleep.seconds') ?? 0),
    graceSeconds: Number(at(rendered.pod(component), 'spec.terminationGracePeriodSeconds')),
    minReadySeconds: Number(at(rendered.workload(component), 'spec.minReadySeconds')),
    startup: probe('startupProbe'),
    readiness: probe('readinessProbe'),
    liveness: probe('livenessProbe'),
  };
}

/**
 * The rendered Job's container, run to its end: its arguments and environment as they are, its ConfigMap a file, and `secrets` the files of its
 * mounted settings, by the name of the setting.
 */
export async function runJob(
  rendered: Rendered,
  component: string,
  folder: string,
  secrets: Readonly<Record<string, string>>,
  ...more: readonly string[]
): Promise<CommandResult> {
  const container = at(rendered.get('Job', `-${component}`), 'spec.template.spec.containers.0');
  const [config, settings] = [join(folder, 'config'), join(folder, 'settings')];
  for (const made of [config, settings]) mkdirSync(made, { recursive: true });
  writeFileSync(join(config, 'pharos.yaml'), rendered.config(component));
  for (const [setting, secret] of Object.entries(secrets)) writeFileSync(join(settings, setting), secret);
  const here = (text: string): string =>
    text.replace('/etc/pharos/config', config).replace('/etc/pharos/settings', settings);
  const variables = (at(container, 'env') ?? []) as readonly { name: string; value: string }[];
  const args = (at(container, 'args') as readonly string[]).map(here);
  return pharos([...args, ...more], Object.fromEntries(variables.map(({ name, value }) => [name, here(value)])));
}

/** A process as a kubelet runs a pod's container: with its probes, and ended as the pod's life cycle says. */
export class Pod {
  readonly name: string;
  readonly port: number;
  /** Whether it is among the endpoints of its Service. */
  ready = false;
  isTerminating = false;
  /** How often each probe said no after the pod was ready first. */
  readonly refusals = { readiness: 0, liveness: 0 };
  readonly #template: PodTemplate;
  readonly #internalPort: number;
  readonly #process: ServiceProcess;
  readonly #probing: Promise<void>;

  private constructor(name: string, ports: readonly [number, number], template: PodTemplate, child: ServiceProcess) {
    this.name = name;
    [this.port, this.#internalPort] = ports;
    this.#template = template;
    this.#process = child;
    this.#probing = this.#probe();
  }

  static async start(name: string, template: PodTemplate): Promise<Pod> {
    const ports = [await freePort(), await freePort()] as const;
    // `$(POD_NAME)` in a value is the pod's name.
    const own = Object.entries(template.env).map(([key, value]) => [key, value.replaceAll('$(POD_NAME)', name)]);
    const env = {
      ...(Object.fromEntries(own) as Record<string, string>),
      // A pod has an address of its own; here its ports are.
      PHAROS_INTERNAL_LISTEN: `127.0.0.1:${ports[1]}`,
      ...(template.component === 'edge' || template.component === 'api'
        ? { PHAROS_LISTEN: `127.0.0.1:${ports[0]}` }
        : {}),
    };
    const args = ['--enable-source-maps', entrypoint, ...template.args];
    return new Pod(name, ports, template, await spawnService(process.execPath, args, { env }));
  }

  /** Ready, and for as long as the Deployment wants it. */
  async available(): Promise<void> {
    const ended = this.#process.exited.then(() => {
      throw new Error(`${this.name} ended before it was ready:\n${this.#process.stderr.tail()}`);
    });
    await Promise.race([ended, eventually(() => (this.ready ? true : undefined), `readiness of ${this.name}`)]);
    await delay(this.#template.minReadySeconds * 1_000);
  }

  async ask(probe: 'startup' | 'readiness' | 'liveness'): Promise<boolean> {
    const url = `http://127.0.0.1:${this.#internalPort}${this.#template[probe].path}`;
    return fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  /** As a pod that is deleted: out of its Service, preStop, SIGTERM, and SIGKILL after the grace. Returns the exit code, null after SIGKILL. */
  async terminate(): Promise<number | null> {
    this.isTerminating = true;
    this.ready = false;
    const { preStopSeconds, graceSeconds } = this.#template;
    await delay(preStopSeconds * 1_000);
    this.#process.signal('SIGTERM');
    const killing = setTimeout(() => void this.#process.kill(), (graceSeconds - preStopSeconds) * 1_000);
    const { code } = await this.#process.exited;
    clearTimeout(killing);
    await this.#probing;
    return code;
  }

  kill(): Promise<unknown> {
    this.isTerminating = true;
    return this.#process.kill();
  }

  async #probe(): Promise<void> {
    const { startup, readiness } = this.#template;
    while (!this.#isOver() && !(await this.ask('startup'))) await delay(startup.periodSeconds * 1_000);
    let failures = 0;
    while (!this.#isOver()) {
      const isReady = await this.ask('readiness');
      if (this.#isOver()) return;
      failures = isReady ? 0 : failures + 1;
      if (!isReady && this.ready) this.refusals.readiness++;
      if (isReady) this.ready = true;
      else if (failures >= readiness.failureThreshold) this.ready = false;
      if (!(await this.ask('liveness')) && !this.#isOver()) this.refusals.liveness++;
      await delay(readiness.periodSeconds * 1_000);
    }
  }

  #isOver(): boolean {
    return this.isTerminating || this.#process.status !== undefined;
  }
}

/** A Service: connections go to its ready pods in turn. */
export class PodService {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(pods: () => readonly Pod[]): Promise<PodService> {
    let turn = 0;
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const ready = pods().filter((pod) => pod.ready);
      const pod = ready[turn++ % Math.max(1, ready.length)];
      if (pod === undefined) {
        client.destroy();
        return;
      }
      const upstream = connect(pod.port, '127.0.0.1');
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PodService(server, sockets);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
