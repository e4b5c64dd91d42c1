import { Deferred } from '@pharos/lifecycle';
import { BusError } from '../errors.ts';
import type { WorkMessage, WorkSpec, WorkSubscription } from '../port.ts';
import type { MemoryWorkQueue, WorkConsumer } from './memory-work-queue.ts';

const defaultNackDelayMs = 1000;

/** One consumer of a work subscription of the memory broker. */
export class MemoryWorkSubscription implements WorkSubscription, WorkConsumer {
  readonly #queue: MemoryWorkQueue;
  readonly #spec: WorkSpec;
  readonly #onClose: (subscription: MemoryWorkSubscription) => void;
  #waiting: Deferred<WorkMessage>[] = [];
  readonly #nacks = new Set<NodeJS.Timeout>();
  #end: BusError | undefined;

  /** @throws BusError `subscription-busy` */
  constructor(queue: MemoryWorkQueue, spec: WorkSpec, onClose: (subscription: MemoryWorkSubscription) => void) {
    this.#queue = queue;
    this.#spec = spec;
    this.#onClose = onClose;
    queue.join(this, spec);
  }

  receive(): Promise<WorkMessage> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const waiting = new Deferred<WorkMessage>();
    this.#waiting.push(waiting);
    this.wake();
    return waiting.promise;
  }

  async ack(message: WorkMessage): Promise<void> {
    this.#mustBeOpen();
    this.#queue.ack(message.lane, message.offset);
  }

  async ackThrough(message: WorkMessage): Promise<void> {
    this.#mustBeOpen();
    if (this.#spec.type === 'shared') {
      throw new BusError('refused', `'${this.#spec.subscription}' is shared: its messages are acknowledged one by one`);
    }
    this.#queue.ackThrough(message.lane, message.offset);
  }

  nack(message: WorkMessage, delayMs: number = defaultNackDelayMs): void {
    if (this.#end !== undefined) return;
    const timer = setTimeout(() => {
      this.#nacks.delete(timer);
      this.#queue.redeliver(message.lane, message.offset);
    }, delayMs);
    this.#nacks.add(timer);
  }

  close(): Promise<void> {
    this.ended(new BusError('closed', `the subscription '${this.#spec.subscription}' was closed`));
    return Promise.resolve();
  }

  wake(): void {
    while (this.#waiting.length > 0) {
      const taken = this.#queue.take(this);
      if (taken === undefined) return;
      const { lane, message } = taken;
      this.#waiting.shift()?.resolve({ lane, position: String(message.offset), ...message });
    }
  }

  ended(error: BusError): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    for (const timer of this.#nacks) clearTimeout(timer);
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
    this.#queue.leave(this);
    this.#onClose(this);
  }

  #mustBeOpen(): void {
    if (this.#end !== undefined) throw this.#end;
  }
}
