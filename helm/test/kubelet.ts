import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually, freePort, type ServiceProcess, spawnService } from '@pharos/testkit';
import type { PodTemplate, Probe } from './pods.ts';

/** What the image runs; see deploy/docker/Dockerfile. */
const entrypoint = fileURLToPath(new URL('../../services/cli/bin/pharos.mjs', import.meta.url));
/** What a kubelet leaves a process at least, whatever preStop has taken of the grace. */
const leastGraceMs = 2_000;
/** Long, for it is no measure: six services may start at once on a machine that does other things too. */
const readyTimeoutMs = 120_000;
/** Between restarts, the first of which is at once; doubled each time. A kubelet forgets it after ten minutes: no test takes so long. */
const backOffMs = { first: 10_000, most: 300_000 };

type ProbeKind = 'startup' | 'readiness' | 'liveness';
/** Silence is what a probe takes for a no: nobody listened, or not in time. */
export type ProbeAnswer = 'yes' | 'no' | 'silence';

/** A pod of one container, which is a process here: started, asked, ended and started anew as a kubelet does it. */
export class Pod {
  readonly name: string;
  readonly port: number;
  /** Why each container ended that another one came after: `startup`, `liveness`, `exit code 1`, `SIGKILL`. */
  readonly restarts: string[] = [];
  /** Answers of each probe, of all containers. */
  readonly answers: Readonly<Record<ProbeKind, Record<ProbeAnswer, number>>> = {
    startup: { yes: 0, no: 0, silence: 0 },
    readiness: { yes: 0, no: 0, silence: 0 },
    liveness: { yes: 0, no: 0, silence: 0 },
  };
  /** How often it went from ready to not ready while it was wanted. */
  lapses = 0;
  readonly #template: PodTemplate;
  readonly #internalPort: number;
  readonly #over = new AbortController();
  readonly #running: Promise<void>;
  #container: ServiceProcess | undefined;
  #isReady = false;
  #isTerminating = false;

  private constructor(name: string, ports: readonly [number, number], template: PodTemplate) {
    this.name = name;
    [this.port, this.#internalPort] = ports;
    this.#template = template;
    this.#running = this.#run();
  }

  static async start(name: string, template: PodTemplate): Promise<Pod> {
    return new Pod(name, [await freePort(), await freePort()], template);
  }

  /** Whether it is among the endpoints of its Service. */
  get isReady(): boolean {
    return this.#isReady && !this.#isTerminating;
  }

  get isTerminating(): boolean {
    return this.#isTerminating;
  }

  /** Ready, and for as long as the Deployment wants it. */
  async available(): Promise<void> {
    try {
      await eventually(() => (this.isReady ? true : undefined), `readiness of ${this.name}`, readyTimeoutMs);
    } catch (cause) {
      const { name, restarts } = this;
      throw new Error(`${name} (${restarts.join(', ')}):\n${this.#container?.stderr.tail()}`, { cause });
    }
    await delay(this.#template.minReadySeconds * 1_000);
  }

  /** Resolves when a probe has been answered `count` times more, in whatever way. */
  async asked(kind: ProbeKind, count: number): Promise<void> {
    const sum = (): number => Object.values(this.answers[kind]).reduce((total, one) => total + one, 0);
    const wanted = sum() + count;
    await eventually(() => (sum() >= wanted ? true : undefined), `${count} questions for ${kind} to ${this.name}`);
  }

  /** SIGSTOP: nothing is answered, all connections stay. */
  freeze(): void {
    this.#container?.pause();
  }

  /** kill -9 of its process, as the kernel does it for want of memory. */
  async crash(): Promise<void> {
    await this.#container?.kill();
  }

  /** As a pod that is deleted: out of its Service, preStop, SIGTERM, and SIGKILL after the grace. Returns the exit code, null after SIGKILL. */
  async terminate(): Promise<number | null> {
    this.#isTerminating = true;
    const container = this.#container;
    this.#over.abort();
    if (container === undefined) throw new Error(`${this.name} never ran`);
    await this.#end(container, this.#template.graceSeconds);
    await this.#running;
    return (await container.exited).code;
  }

  async kill(): Promise<void> {
    this.#isTerminating = true;
    this.#over.abort();
    await this.#container?.kill();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isUnwanted()) {
      const container = await this.#startContainer();
      this.#container = container;
      // It may have been unwanted since it was begun.
      if (this.#isUnwanted()) await container.kill();
      const why = await this.#supervise(container);
      if (this.#isUnwanted()) return;
      this.restarts.push(why);
      await wait(this.#backOffMs(), this.#over.signal);
    }
  }

  #startContainer(): Promise<ServiceProcess> {
    const { args, component, env: rendered } = this.#template;
    // `$(POD_NAME)` in a value is the pod's name.
    const own = Object.entries(rendered).map(([key, value]) => [key, value.replaceAll('$(POD_NAME)', this.name)]);
    const env = {
      ...(Object.fromEntries(own) as Record<string, string>),
      // A pod has an address of its own; here its ports are.
      PHAROS_INTERNAL_LISTEN: `127.0.0.1:${this.#internalPort}`,
      ...(component === 'edge' || component === 'api' ? { PHAROS_LISTEN: `127.0.0.1:${this.port}` } : {}),
    };
    return spawnService(process.execPath, ['--enable-source-maps', entrypoint, ...args], { env });
  }

  /** Asks a container until it ends, and ends it where a probe says so; resolves with why it ended. */
  async #supervise(container: ServiceProcess): Promise<string> {
    const startedAt = performance.now();
    const ended = new AbortController();
    const signal = AbortSignal.any([ended.signal, this.#over.signal]);
    let verdict: string | undefined;
    const condemn = (kind: ProbeKind): void => {
      if (verdict !== undefined || signal.aborted) return;
      verdict = kind;
      void this.#end(container, this.#template[kind].graceSeconds);
    };
    const probing = (async (): Promise<void> => {
      const started = await this.#ask('startup', startedAt, signal, (isOn) => {
        if (!isOn) condemn('startup');
        return false;
      });
      if (!started) return;
      await Promise.all([
        this.#ask('readiness', startedAt, signal, (isOn) => {
          this.#setReady(isOn);
          return true;
        }),
        this.#ask('liveness', startedAt, signal, (isOn) => {
          if (!isOn) condemn('liveness');
          return isOn;
        }),
      ]);
    })();
    const { code, signal: killedBy } = await container.exited;
    ended.abort();
    await probing;
    this.#setReady(false);
    return verdict ?? killedBy ?? `exit code ${code}`;
  }

  #isUnwanted(): boolean {
    return this.#isTerminating;
  }

  #setReady(isOn: boolean): void {
    if (this.#isReady && !isOn && !this.#isTerminating) this.lapses++;
    this.#isReady = isOn;
  }

  /**
   * Asks a probe for as long as the container runs, or until `take` has enough: that is called with every verdict, which takes as many answers of one kind, one
   * after the other, as the probe's thresholds say. Resolves with the last verdict.
   */
  async #ask(
    kind: ProbeKind,
    startedAt: number,
    signal: AbortSignal,
    take: (isOn: boolean) => boolean,
  ): Promise<boolean> {
    const probe = this.#template[kind];
    await wait(startedAt + probe.initialDelaySeconds * 1_000 - performance.now(), signal);
    let [last, inARow, verdict] = [false, 0, false];
    const isOver = (): boolean => signal.aborted;
    while (!isOver()) {
      const askedAt = performance.now();
      const answer = await this.#answerTo(probe);
      if (isOver()) break;
      this.answers[kind][answer]++;
      const isYes = answer === 'yes';
      inARow = isYes === last ? inARow + 1 : 1;
      last = isYes;
      if (inARow >= (isYes ? probe.successThreshold : probe.failureThreshold)) {
        verdict = isYes;
        if (!take(verdict)) break;
      }
      await wait(askedAt + probe.periodSeconds * 1_000 - performance.now(), signal);
    }
    return verdict;
  }

  #answerTo({ path, timeoutSeconds }: Probe): Promise<ProbeAnswer> {
    const url = `http://127.0.0.1:${this.#internalPort}${path}`;
    return new Promise((resolve) => {
      // Each over a connection of its own.
      const options = { agent: false, signal: AbortSignal.timeout(timeoutSeconds * 1_000) };
      const request = get(url, options, (response) => {
        response.resume();
        response.once('error', () => undefined);
        const { statusCode = 0 } = response;
        resolve(statusCode >= 200 && statusCode < 400 ? 'yes' : 'no');
      });
      request.once('error', () => resolve('silence'));
    });
  }

  /** preStop, SIGTERM, and SIGKILL after the grace, of which preStop is a part. */
  async #end(container: ServiceProcess, graceSeconds: number): Promise<void> {
    const stopMs = Math.min(this.#template.preStopSeconds, graceSeconds) * 1_000;
    await Promise.race([delay(stopMs), container.exited]);
    if (container.status !== undefined) return;
    container.signal('SIGTERM');
    const killing = setTimeout(() => void container.kill(), Math.max(leastGraceMs, graceSeconds * 1_000 - stopMs));
    await container.exited;
    clearTimeout(killing);
  }

  #backOffMs(): number {
    const before = this.restarts.length - 1;
    return before === 0 ? 0 : Math.min(backOffMs.most, backOffMs.first * 2 ** (before - 1));
  }
}

/** Resolves at the end of the time, or when it is over. */
async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await delay(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
}
