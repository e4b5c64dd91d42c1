import { brokerError, PulsarError } from '../errors.ts';
import type { CommandMap, KnownCommand } from '../wire/index.ts';

/** Commands that answer a request, and carry its id. */
export type ResponseCommand =
  | 'success'
  | 'producerSuccess'
  | 'lookupResponse'
  | 'partitionedMetadataResponse'
  | 'getLastMessageIdResponse'
  | 'getTopicsOfNamespaceResponse'
  | 'ackResponse';

interface Pending {
  readonly expected: ResponseCommand;
  readonly what: string;
  /** The command that asks. */
  readonly command: KnownCommand;
  readonly resolve: (command: never) => void;
  readonly reject: (error: PulsarError) => void;
  readonly timer: NodeJS.Timeout;
}

/** The requests of one connection that wait for their answers. */
export class Requests {
  readonly #timeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.#pending.size;
  }

  add<Name extends ResponseCommand>(
    expected: Name,
    what: string,
    build: (requestId: number) => KnownCommand,
  ): { readonly command: KnownCommand; readonly response: Promise<CommandMap[Name]> } {
    const requestId = this.#nextId++;
    const command = build(requestId);
    const response = new Promise<CommandMap[Name]>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(requestId);
        reject(new PulsarError('Timeout', `${what}: no answer within ${this.#timeoutMs} ms`));
      }, this.#timeoutMs);
      this.#pending.set(requestId, { expected, what, command, resolve, reject, timer });
    });
    return { command, response };
  }

  answer(frame: KnownCommand): void {
    const command = frame.command as { readonly requestId?: number };
    if (command.requestId === undefined) return;
    const pending = this.#take(command.requestId);
    if (pending === undefined) return;
    if (pending.expected === frame.type) pending.resolve(frame.command as never);
    else
      pending.reject(
        new PulsarError(
          'ReadError',
          `${pending.what}: expected ${pending.expected}, the broker answered ${frame.type}`,
        ),
      );
  }

  /** Whether it was a request that was refused. */
  refuse(command: CommandMap['error']): boolean {
    const pending = this.#take(command.requestId);
    pending?.reject(brokerError(command.error, command.message, pending.what));
    return pending !== undefined;
  }

  /**
   * Fails what the broker doesn't answer any more, since it has closed the producer or consumer of this id: what was to make
   * it, and what it acknowledged.
   */
  failOf(kind: 'producer' | 'consumer', id: number, error: PulsarError): void {
    for (const [requestId, { command, reject }] of this.#pending) {
      const isOf =
        kind === 'producer'
          ? command.type === 'producer' && command.command.producerId === id
          : (command.type === 'subscribe' || command.type === 'ack') && command.command.consumerId === id;
      if (!isOf) continue;
      this.#take(requestId);
      reject(error);
    }
  }

  failAll(error: PulsarError): void {
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(error);
    }
    this.#pending.clear();
  }

  #take(requestId: number): Pending | undefined {
    const pending = this.#pending.get(requestId);
    if (pending === undefined) return undefined;
    this.#pending.delete(requestId);
    clearTimeout(pending.timer);
    return pending;
  }
}
