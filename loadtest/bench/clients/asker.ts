import { once } from 'node:events';

import { Deferred, withDeadline } from '@pharos/lifecycle';
import { WebSocket } from 'ws';

const answerTimeoutMs = 30_000;

/** An answer, and how long it took. */
export interface Answer<T> {
  readonly ms: number;
  /** Undefined where it is an error. */
  readonly result: T | undefined;
  /** Of the error; 0 where there is none. */
  readonly code: number;
}

interface Reply {
  readonly id?: number;
  readonly error?: { readonly code: number };
  readonly [method: string]: unknown;
}

/** One connection that asks one command after the other, and times the answers. */
export class Asker {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Deferred<Reply>>();
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#read((data as Buffer).toString('utf8')));
    // What waits for an answer has a deadline.
    socket.on('error', () => undefined);
  }

  /** Resolves when it is connected. */
  static async open(url: string, token: string): Promise<Asker> {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    const asker = new Asker(socket);
    const { code } = await asker.ask('connect', { token });
    if (code !== 0) throw new Error(`the edge answered connect with error ${code}`);
    return asker;
  }

  async ask<T>(method: string, params: object): Promise<Answer<T>> {
    const id = this.#nextId++;
    const reply = new Deferred<Reply>();
    this.#waiting.set(id, reply);
    const from = performance.now();
    this.#socket.send(JSON.stringify({ id, [method]: params }));
    const answered = await withDeadline(reply.promise, answerTimeoutMs, `the answer to ${method}`);
    const ms = performance.now() - from;
    return { ms, result: answered[method] as T | undefined, code: answered.error?.code ?? 0 };
  }

  close(): void {
    this.#socket.terminate();
  }

  #read(text: string): void {
    for (const line of text.split('\n')) {
      if (line === '{}') this.#socket.send('{}');
      else if (line !== '') this.#answered(JSON.parse(line) as Reply);
    }
  }

  #answered(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id ?? 0);
    this.#waiting.delete(reply.id ?? 0);
    waiting?.resolve(reply);
  }
}
