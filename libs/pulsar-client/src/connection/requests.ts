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

  add<Name extends ResponseCommand>(
    expected: Name,
    what: string,
  ): { readonly requestId: number; readonly response: Promise<CommandMap[Name]> } {
    const requestId = this.#nextId++;
    const response = new Promise<CommandMap[Name]>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(requestId);
        reject(new PulsarError('Timeout', `${what}: no answer within ${this.#timeoutMs} ms`));
      }, this.#timeoutMs);
      this.#pending.set(requestId, { expected, what, resolve, reject, timer });
    });
    return { requestId, response };
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

  refuse(command: CommandMap['error']): void {
    const pending = this.#take(command.requestId);
    pending?.reject(brokerError(command.error, command.message, pending.what));
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
