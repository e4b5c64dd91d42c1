import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import { startJavaWorker } from '@pharos/testkit';

import type { ProcessGroup } from '../frame/child.ts';
import {
  type ConsumeHow,
  consumerOptions,
  type LatencyResult,
  producerOptions,
  type PulsarClientCommands,
} from '../frame/client-roles.ts';
import type { Checked } from '../frame/delivery-check.ts';
import type { Sample } from '../frame/pairs.ts';
import { cpuMicros } from '../frame/proc.ts';

/** Seen from bench/figures and from dist/figures alike. */
const javaSources = fileURLToPath(new URL('../../java/', import.meta.url));
const javaOptions = ['-Xmx1g'];
/** Room for what waits for receipts, tens of thousands of promises: the collector copies all that it finds there again and again. */
const nodeOptions = ['--max-semi-space-size=64'];

export const payloadBytes = 128;

/** What one run of work came to: messages a second, and messages for each second of CPU. */
export interface Speed {
  readonly rate: Sample;
  readonly perCpuSecond: Sample;
}

type Call = <M extends keyof PulsarClientCommands>(
  method: M,
  ...params: Parameters<PulsarClientCommands[M]>
) => Promise<Awaited<ReturnType<PulsarClientCommands[M]>>>;

/** A Pulsar client in a process of its own. */
export class ClientContestant {
  readonly name: string;
  readonly #pid: number;
  readonly #call: Call;

  private constructor(name: string, pid: number, call: Call) {
    this.name = name;
    this.#pid = pid;
    this.#call = call;
  }

  /** This project's client. */
  static async pharos(processes: ProcessGroup, serviceUrl: string): Promise<ClientContestant> {
    const child = await processes.start<PulsarClientCommands>('pulsar-client', nodeOptions);
    await child.call('open', { serviceUrl });
    return new ClientContestant('pharos', child.pid, (method, ...params) => child.call(method, ...params));
  }

  /** The official Java client. */
  static async java(processes: ProcessGroup, serviceUrl: string): Promise<ClientContestant> {
    const worker = await startJavaWorker<PulsarClientCommands>(javaSources, 'PulsarClientBench', {
      java: javaOptions,
    });
    processes.adopt(worker);
    await worker.call('open', { serviceUrl });
    return new ClientContestant('java', worker.pid, (method, ...params) => worker.call(method, ...params));
  }

  /** @param checked what a reader found on the topic afterwards */
  async produce(topic: string, count: number, check: () => Promise<Checked>): Promise<Speed> {
    const params = { topic, count, payloadBytes, options: producerOptions };
    const { result, cpuSeconds } = await this.#timed('produce', params);
    return speed(count, result.seconds, cpuSeconds, await check());
  }

  async consume(topic: string, count: number, how: ConsumeHow): Promise<Speed> {
    const params = { topic, count, how, subscription: newSubscription(), options: consumerOptions };
    const { result, cpuSeconds } = await this.#timed('consume', params);
    return speed(count, result.seconds, cpuSeconds, result.checked);
  }

  latency(topic: string, count: number, perSecond: number): Promise<LatencyResult> {
    const subscription = newSubscription();
    return this.#call('latency', { topic, count, perSecond, payloadBytes, subscription, options: consumerOptions });
  }

  async #timed<M extends keyof PulsarClientCommands>(
    method: M,
    ...params: Parameters<PulsarClientCommands[M]>
  ): Promise<{ result: Awaited<ReturnType<PulsarClientCommands[M]>>; cpuSeconds: number }> {
    const before = cpuMicros(this.#pid);
    const result = await this.#call(method, ...params);
    return { result, cpuSeconds: (cpuMicros(this.#pid) - before) / 1e6 };
  }
}

function newSubscription(): string {
  return `bench-${randomBytes(6).toString('hex')}`;
}

function speed(count: number, seconds: number, cpuSeconds: number, checked: Checked): Speed {
  return { rate: { value: count / seconds, checked }, perCpuSecond: { value: count / cpuSeconds, checked } };
}
