import { type Bus, type Log, type LogSpec, parseTopic, type WorkMessage } from '@pharos/bus';
import type { Logger } from '@pharos/telemetry';

import type { Failure } from './failure.ts';

const maxReasonLength = 1_000;
const appendTimeoutMs = 10_000;

export interface DeadLettersOptions {
  readonly bus: Bus;
  readonly spec: LogSpec;
  /** Full name of the topic that they came from. */
  readonly source: string;
  readonly logger: Logger;
}

/** Where commands go that can't be done: as they came, with the reason as a property. */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  #log: Promise<Log> | undefined;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  get topic(): string {
    return this.#options.spec.topic;
  }

  /** Makes its topic, where there is none, before anything has to be kept there, and warns of what it can't keep. @throws BusError */
  async open(): Promise<void> {
    await this.#open();
  }

  /** Resolves when it lies there durably. @throws BusError */
  async add(message: WorkMessage, { code, reason }: Failure, attempts: number): Promise<void> {
    const log = await this.#open();
    const properties = {
      ...Object.fromEntries(message.properties),
      'pharos-reason': reason.slice(0, maxReasonLength),
      'pharos-error-code': String(code),
      'pharos-attempts': String(attempts),
      'pharos-source-topic': this.#options.source,
      'pharos-source-lane': String(message.lane),
      'pharos-source-position': message.position,
    };
    const channel = message.key ?? parseTopic(this.topic).local;
    await log.append({ channel, data: message.data, properties }, appendTimeoutMs);
  }

  async #open(): Promise<Log> {
    this.#log ??= this.#openLog();
    try {
      return await this.#log;
    } catch (error) {
      this.#log = undefined;
      throw error;
    }
  }

  async #openLog(): Promise<Log> {
    const { bus, spec, logger } = this.#options;
    const log = await bus.openLog(spec);
    for (const limitation of log.limitations) {
      logger.warn({ topic: log.topic, keepMs: spec.keepMs }, `dead letters of commands: ${limitation}`);
    }
    return log;
  }
}
