import { Deferred } from '@pharos/lifecycle';

import type { AnswerMessage, CommandMessage, CommandTable } from './commands.ts';

/** Where commands go: the IPC channel of a process. */
export interface CommandChannel {
  readonly connected: boolean;
  send(message: CommandMessage): unknown;
}

/** Calls the commands of another process, which answers them by `serveCommands`. Whoever has the channel says what came and how it ended. */
export class Caller<C extends CommandTable> {
  readonly #name: string;
  readonly #channel: CommandChannel;
  readonly #waiting = new Map<number, Deferred<unknown>>();
  #nextId = 1;

  /** @param name of the process, for messages */
  constructor(name: string, channel: CommandChannel) {
    this.#name = name;
    this.#channel = channel;
  }

  /** Runs a command there. Rejects with what it throws, or when the process ends. */
  async call<M extends keyof C & string>(method: M, ...[params]: Parameters<C[M]>): Promise<Awaited<ReturnType<C[M]>>> {
    const id = this.#nextId++;
    const answer = new Deferred<unknown>();
    this.#waiting.set(id, answer);
    const message: CommandMessage = { id, method, params };
    if (this.#channel.connected) this.#channel.send(message);
    else answer.reject(new Error(`${this.#name} has ended and takes no commands`));
    return (await answer.promise) as Awaited<ReturnType<C[M]>>;
  }

  answered({ id, result, error }: AnswerMessage): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(`${this.#name}: ${error}`));
  }

  ended(how: string): void {
    for (const waiting of this.#waiting.values()) waiting.reject(new Error(`${this.#name} ended: ${how}`));
    this.#waiting.clear();
  }
}
