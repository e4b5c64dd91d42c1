import assert from 'node:assert/strict';
import { at, type Rendered } from './chart.ts';
import { Pod } from './kubelet.ts';
import { type PodTemplate, podTemplate } from './pods.ts';

/** A rendered Deployment and its pods, as its controller keeps them. */
export class Deployment {
  readonly component: string;
  /** All that there ever were. */
  readonly pods: Pod[] = [];
  readonly #template: PodTemplate;
  readonly #replicas: number;
  readonly #maxSurge: number;
  #revision = 0;

  /** @param folder where its configuration is put, and its mounted settings are already */
  constructor(rendered: Rendered, component: string, folder: string) {
    const spec = at(rendered.workload(component), 'spec');
    const { maxSurge, maxUnavailable } = at(spec, 'strategy.rollingUpdate') as Record<string, unknown>;
    assert.equal(maxUnavailable, 0, 'none goes before there is another one');
    assert.ok(Number.isInteger(maxSurge) && Number(maxSurge) > 0, `a number of pods, not ${String(maxSurge)}`);
    this.component = component;
    this.#template = podTemplate(rendered, component, folder);
    this.#replicas = Number(at(spec, 'replicas'));
    this.#maxSurge = Number(maxSurge);
  }

  /** Those that are wanted, newest last. */
  get wanted(): readonly Pod[] {
    return this.pods.filter((pod) => !pod.isTerminating);
  }

  /** Resolves when as many are available as the chart says. */
  async start(): Promise<void> {
    const pods = await Promise.all(Array.from({ length: this.#replicas }, () => this.addPod()));
    await Promise.all(pods.map((pod) => pod.available()));
  }

  /** One more, of this revision; it isn't waited for. @param startupFailures that it may have, in place of the chart's number */
  async addPod(startupFailures?: number): Promise<Pod> {
    const letter = String.fromCharCode('a'.charCodeAt(0) + this.#revision);
    const { startup } = this.#template;
    const patience = startupFailures === undefined ? startup : { ...startup, failureThreshold: startupFailures };
    const pod = await Pod.start(`${this.component}-${letter}${this.pods.length}`, {
      ...this.#template,
      startup: patience,
    });
    this.pods.push(pod);
    return pod;
  }

  /** A rolling update: as many pods more as its strategy allows, and for each that is available an old one less, which must end by itself. */
  async roll(): Promise<void> {
    this.#revision++;
    const old = [...this.wanted];
    const replace = async (): Promise<void> => {
      for (let gone = old.shift(); gone !== undefined; gone = old.shift()) {
        const next = await this.addPod();
        await next.available();
        assert.equal(await gone.terminate(), 0, `${gone.name} ends by itself within its grace`);
      }
    };
    await Promise.all(Array.from({ length: this.#maxSurge }, replace));
  }

  async stop(): Promise<void> {
    await Promise.all(this.pods.map((pod) => pod.kill()));
  }
}
