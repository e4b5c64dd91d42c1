import { type Bus, type Log, parseTopic, type WorkMessage } from '@pharos/bus';

import type { Failure } from './failure.ts';

const maxReasonLength = 1_000;
const appendTimeoutMs = 10_000;

/** Where commands go that can't be done: as they came, with the reason as a property. */
export class DeadLetters {
  readonly topic: string;
  readonly #bus: Bus;
  readonly #source: string;
  readonly #keepMs: number;
  #log: Promise<Log> | undefined;

  /** @param source the topic that they came from */
  constructor(bus: Bus, topic: string, source: string, keepMs: number) {
    this.topic = topic;
    this.#bus = bus;
    this.#source = source;
    this.#keepMs = keepMs;
  }

  /** Resolves when it lies there durably. @throws BusError */
  async add(message: WorkMessage, { code, reason }: Failure, attempts: number): Promise<void> {
    const log = await this.#open();
    const properties = {
      ...Object.fromEntries(message.properties),
      'pharos-reason': reason.slice(0, maxReasonLength),
      'pharos-error-code': String(code),
      'pharos-attempts': String(attempts),
      'pharos-source-topic': this.#source,
      'pharos-source-lane': String(message.lane),
      'pharos-source-position': message.position,
    };
    const channel = message.key ?? parseTopic(this.topic).local;
    await log.append({ channel, data: message.data, properties }, appendTimeoutMs);
  }

  async #open(): Promise<Log> {
    this.#log ??= this.#bus.openLog({ topic: this.topic, keepMs: this.#keepMs });
    try {
      return await this.#log;
    } catch (error) {
      this.#log = undefined;
      throw error;
    }
  }
}
