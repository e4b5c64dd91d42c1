import { Deferred } from '@pharos/lifecycle';
import { PulsarError } from '../errors.ts';
import { ackType, type CommandAck, compareMessageIds, type MessageIdData } from '../wire/index.ts';

/** Acknowledgements that may wait for a connection. */
const maxWaiting = 100_000;
/** Ids in one command: a frame must stay far below its limit. */
const maxIdsPerCommand = 1000;

/**
 * Acknowledgements on their way: those of one turn of the event loop go in one command, and those that find no
 * connection wait for the next one.
 */
export class AckQueue {
  /** Writes a command; false where there is no connection. */
  readonly #send: (command: Omit<CommandAck, 'consumerId'>) => boolean;
  #individual: MessageIdData[] = [];
  #cumulative: MessageIdData | undefined;
  /** Settled with all that waits. */
  #written = new Deferred<null>();
  #scheduled = false;

  constructor(send: (command: Omit<CommandAck, 'consumerId'>) => boolean) {
    this.#send = send;
  }

  individual(id: MessageIdData): Promise<null> {
    if (this.#individual.length >= maxWaiting) {
      const text = `${maxWaiting} acknowledgements wait for a connection already`;
      return Promise.reject(new PulsarError('NotConnected', text));
    }
    this.#individual.push(id);
    return this.#schedule();
  }

  cumulative(id: MessageIdData): Promise<null> {
    if (this.#cumulative === undefined || compareMessageIds(this.#cumulative, id) < 0) this.#cumulative = id;
    return this.#schedule();
  }

  /** Writes what waits, as far as there is a connection. */
  flush(): void {
    this.#scheduled = false;
    if (this.#cumulative === undefined && this.#individual.length === 0) return;
    if (this.#cumulative !== undefined) {
      if (!this.#send({ ackType: ackType.cumulative, messageId: [this.#cumulative] })) return;
      this.#cumulative = undefined;
    }
    while (this.#individual.length > 0) {
      const messageId = this.#individual.slice(0, maxIdsPerCommand);
      if (!this.#send({ ackType: ackType.individual, messageId })) return;
      this.#individual.splice(0, messageId.length);
    }
    const written = this.#written;
    this.#written = new Deferred();
    written.resolve(null);
  }

  /** Gives up what waits. */
  fail(reason: PulsarError): void {
    this.#individual = [];
    this.#cumulative = undefined;
    const written = this.#written;
    // Where nothing waits, nobody hears of it.
    written.promise.catch(() => undefined);
    written.reject(reason);
  }

  #schedule(): Promise<null> {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        if (this.#scheduled) this.flush();
      });
    }
    return this.#written.promise;
  }
}
