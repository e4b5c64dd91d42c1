import type { Outcome, SendLog } from '@pharos/testkit';

import type { PublisherSpec } from './commands.ts';
import type { Endpoints } from './endpoints.ts';
import { dataOf } from './message.ts';
import { MovingConnection } from './sdk-client.ts';

/** Answered with one of these, a publish was refused for what it is; with any other it may have been written. */
const refusals = new Set([101, 102, 103, 104, 106, 107, 108, 111]);

/** What an error says of a publish. */
export function outcomeOf(error: unknown): Outcome {
  const { code } = error as { readonly code?: number };
  return code !== undefined && refusals.has(code) ? 'refused' : 'unknown';
}

/** Publishes numbers at an even pace whenever it is connected, by the official SDK, and writes down what was answered. */
export class SdkPublisher {
  readonly #spec: PublisherSpec;
  readonly #connection: MovingConnection;
  readonly #underWay = new Set<Promise<void>>();
  #sends: { message: string; session: number; outcome: Outcome }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #number = 0;
  #session = 0;
  readonly #padBytes: number;
  #isConnected = false;

  constructor(spec: PublisherSpec, endpoints: Endpoints, first: number, padBytes: number) {
    this.#spec = spec;
    this.#padBytes = padBytes;
    this.#connection = new MovingConnection(endpoints, first);
    const { centrifuge } = this.#connection;
    centrifuge.on('connected', () => {
      this.#session++;
      this.#isConnected = true;
    });
    centrifuge.on('connecting', () => (this.#isConnected = false));
    centrifuge.on('disconnected', () => (this.#isConnected = false));
    centrifuge.connect();
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), 1_000 / this.#spec.perSecond);
  }

  /** Resolves when the outcome of everything since the last stop is known. */
  async stop(): Promise<SendLog> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    const { name, channel } = this.#spec;
    const sends = this.#sends;
    this.#sends = [];
    return { publisher: name, channel, sends };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#connection.centrifuge.disconnect();
  }

  #tick(): void {
    // While it is away it has nothing to say: what waited for a connection would be many at once.
    if (!this.#isConnected) return;
    const one = this.#publish(`${this.#spec.name}#${this.#number++}`);
    this.#underWay.add(one);
    void one.finally(() => this.#underWay.delete(one));
  }

  async #publish(message: string): Promise<void> {
    const send = { message, session: this.#session, outcome: 'unknown' as Outcome };
    this.#sends.push(send);
    try {
      await this.#connection.centrifuge.publish(this.#spec.channel, dataOf(message, this.#padBytes));
      send.outcome = 'acknowledged';
    } catch (error) {
      send.outcome = outcomeOf(error);
    }
  }
}
