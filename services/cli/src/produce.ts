import type { Readable } from 'node:stream';
import { describeError } from '@pharos/errors';
import { CliError } from './errors.ts';
import { LineSplitter } from './line-splitter.ts';
import { Pacer, sleep } from './pacer.ts';
import type { Stop } from './stop.ts';
import { Window } from './window.ts';

/** What this command needs of a Pulsar producer. */
export interface LineProducer {
  send(message: { readonly data: Buffer; readonly partitionKey?: string }): Promise<unknown>;
}

export interface ProduceOptions {
  /** Partition key of every message: the channel, in Pharos. @default none */
  readonly key?: string | undefined;
  /** Lines a second, evenly paced. @default as fast as the broker acknowledges */
  readonly ratePerSecond?: number | undefined;
}

/** Pulsar's own limit on a message where the broker's isn't raised. */
const MAX_LINE_BYTES = 5 * 1024 * 1024;
/** What is sent and not yet acknowledged: enough to keep a broker 50 ms away busy, little enough to hold in memory. */
export const MAX_PENDING_MESSAGES = 1000;
const MAX_PENDING_BYTES = 16 * 1024 * 1024;

/** Sends each line of an input as a message and counts what the broker acknowledged. */
export class LineSender {
  readonly #producer: LineProducer;
  readonly #stop: Stop;
  readonly #key: string | undefined;
  readonly #pacer: Pacer | undefined;
  readonly #window = new Window({ maxMessages: MAX_PENDING_MESSAGES, maxBytes: MAX_PENDING_BYTES });
  readonly #inFlight = new Set<Promise<void>>();
  #sent = 0;
  #acknowledged = 0;
  #failure: { readonly line: number; readonly error: unknown } | undefined;

  constructor(producer: LineProducer, stop: Stop, options: ProduceOptions = {}) {
    this.#producer = producer;
    this.#stop = stop;
    this.#key = options.key;
    this.#pacer = options.ratePerSecond === undefined ? undefined : new Pacer(options.ratePerSecond);
  }

  /** Lines that were handed to the producer. */
  get sent(): number {
    return this.#sent;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /**
   * Reads `input` to its end, or until the process is asked to stop or a line fails; resolves when the fate of every line
   * that was sent is known.
   *
   * @throws CliError `not-acknowledged` naming the first line that failed, or `line-too-long`; the lines before it are sent.
   */
  async sendAll(input: Readable): Promise<void> {
    const forget = this.#stop.onStop(() => {
      this.#window.wake();
      input.destroy();
    });
    try {
      await this.#readAndSend(input);
    } finally {
      forget();
      input.destroy();
      await Promise.all(this.#inFlight);
    }
    if (this.#failure !== undefined) throw this.#describeFailure(this.#failure);
  }

  async #readAndSend(input: Readable): Promise<void> {
    const splitter = new LineSplitter({ maxLineBytes: MAX_LINE_BYTES });
    try {
      for await (const chunk of input as AsyncIterable<Buffer>) {
        for (const line of splitter.push(chunk)) {
          if (!(await this.#send(line))) return;
        }
      }
    } catch (error) {
      // Destroying the input at a signal ends the loop with an error that says only that.
      if (!this.#stop.isRequested()) throw error;
    }
    // At a signal, what was read of a line isn't the line.
    const last = !this.#stop.isRequested() ? splitter.end() : undefined;
    if (last !== undefined) await this.#send(last);
  }

  /** Sends one line when there is room and its time has come; false where the run is over. */
  async #send(line: Buffer): Promise<boolean> {
    const waitMs = this.#pacer?.next() ?? 0;
    if (waitMs > 0) await sleep(waitMs, this.#stop);
    while (!this.#isOver() && !this.#window.tryTake(line.length)) await this.#window.changed();
    if (this.#isOver()) return false;
    this.#sent++;
    const delivery = this.#deliver(line, this.#sent);
    this.#inFlight.add(delivery);
    void delivery.finally(() => this.#inFlight.delete(delivery)); // #deliver never rejects
    return true;
  }

  async #deliver(line: Buffer, lineNumber: number): Promise<void> {
    try {
      await this.#producer.send(this.#key === undefined ? { data: line } : { data: line, partitionKey: this.#key });
      this.#acknowledged++;
    } catch (error) {
      this.#failure ??= { line: lineNumber, error };
    } finally {
      this.#window.release(line.length);
    }
  }

  #isOver(): boolean {
    return this.#failure !== undefined || this.#stop.isRequested();
  }

  #describeFailure({ line, error }: { readonly line: number; readonly error: unknown }): CliError {
    const unknown = typeof error === 'object' && error !== null && Reflect.get(error, 'outcomeUnknown') === true;
    const fate = unknown ? ' (it may have arrived nevertheless)' : '';
    const message = `line ${line} was not acknowledged${fate}: ${describeError(error)}`;
    return new CliError('not-acknowledged', message, { cause: error });
  }
}
