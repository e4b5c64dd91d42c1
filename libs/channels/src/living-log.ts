import { type AppendReceipt, type Bus, BusError, type Log, type LogSpec, type NewPublication } from '@pharos/bus';

/**
 * A log as the edge uses it: the same through the lives of its topic. When the topic was deleted or made anew, the log is
 * opened again, with its new epoch.
 */
export class LivingLog {
  readonly #bus: Bus;
  #spec: LogSpec;
  #life: Log;
  #dead = false;
  #opening: Promise<Log> | undefined;

  private constructor(bus: Bus, spec: LogSpec, life: Log) {
    this.#bus = bus;
    this.#spec = spec;
    this.#life = life;
  }

  /** @throws BusError as `Bus.openLog` */
  static async open(bus: Bus, spec: LogSpec): Promise<LivingLog> {
    return new LivingLog(bus, spec, await bus.openLog(spec));
  }

  get topic(): string {
    return this.#life.topic;
  }

  get lanes(): number {
    return this.#life.lanes;
  }

  get epoch(): string {
    return this.#life.epoch;
  }

  get limitations(): readonly string[] {
    return this.#life.limitations;
  }

  laneOf(channel: string): number {
    return this.#life.laneOf(channel);
  }

  /** @throws BusError as `Log.append` */
  async append(publication: NewPublication, deadlineMs: number): Promise<AppendReceipt> {
    const life = await this.living();
    try {
      return await life.append(publication, deadlineMs);
    } catch (error) {
      if (error instanceof BusError && error.code === 'log-ended') this.ended(life);
      throw error;
    }
  }

  /** Has the log keep its publications for so long at least from now on. @throws BusError as `Bus.openLog` */
  async keep(keepMs: number): Promise<void> {
    if (keepMs <= (this.#spec.keepMs ?? 0)) return;
    const { lanes } = this.#life;
    // Opening it again is what sets it; the life that is in use goes on.
    const again = await this.#bus.openLog({ ...this.#spec, lanes, keepMs });
    this.#spec = { ...this.#spec, keepMs };
    await again.close();
  }

  /** For a log that nobody uses yet. */
  async close(): Promise<void> {
    await this.#life.close();
  }

  /** Says that this life is over: whoever asks for the log next opens it again. */
  ended(life: Log): void {
    if (life === this.#life) this.#dead = true;
  }

  /** The life that stands, opened first where the last one ended. @throws BusError as `Bus.openLog` */
  async living(): Promise<Log> {
    if (!this.#dead) return this.#life;
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #open(): Promise<Log> {
    const { lanes } = this.#life;
    const life = await this.#bus.openLog({ ...this.#spec, lanes });
    if (life.lanes !== lanes) {
      await life.close();
      throw new BusError(
        'lanes-mismatch',
        `${life.topic} has ${life.lanes} lanes where it had ${lanes}: restart this edge to use it`,
      );
    }
    // The old life isn't closed: tails of its other lanes must still be told that it ended.
    this.#life = life;
    this.#dead = false;
    return life;
  }
}
