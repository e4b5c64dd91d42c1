import { Deferred } from '@pharos/lifecycle';

import type { Link, OpenLink } from './link.ts';

const subscribeId = 2;
const pong = Buffer.from('{}');

export interface MemberOptions {
  readonly open: OpenLink;
  readonly token: string;
  readonly channel: string;
  /** Its connection has ended, and nobody asked for that. */
  readonly onLost: () => void;
}

/** A connection that is in a channel and does nothing there but answer pings: hardly more than a socket. It never comes back. */
export class Member {
  readonly #options: MemberOptions;
  readonly #link: Link;
  readonly #entered = new Deferred();
  #hasLeft = false;
  #isIn = false;

  /** @throws what refuses its connection at once */
  constructor(options: MemberOptions) {
    this.#options = options;
    this.#entered.promise.catch(() => undefined);
    this.#link = options.open({
      opened: () => this.#opened(),
      message: (bytes, start, end) => this.#onMessage(bytes, start, end),
      closed: (why) => this.#closed(why),
    });
  }

  /** Resolves when it is subscribed. Rejects where it is refused. */
  get entered(): Promise<void> {
    return this.#entered.promise;
  }

  leave(): void {
    this.#hasLeft = true;
    this.#link.drop();
  }

  #opened(): void {
    const { token, channel } = this.#options;
    const commands = [
      { id: 1, connect: { token } },
      { id: subscribeId, subscribe: { channel } },
    ];
    this.#link.send(Buffer.from(commands.map((command) => JSON.stringify(command)).join('\n')));
  }

  #onMessage(bytes: Buffer, start: number, end: number): void {
    if (end - start === pong.length) this.#link.send(pong);
    else if (!this.#isIn) this.#replies(bytes.toString('utf8', start, end));
  }

  #replies(text: string): void {
    for (const line of text.split('\n')) {
      const { id, error } = JSON.parse(line) as { id?: number; error?: unknown };
      if (error !== undefined) {
        this.#entered.reject(new Error(`the server answered ${line}`));
        return this.#link.drop();
      }
      if (id !== subscribeId) continue;
      this.#isIn = true;
      this.#entered.resolve();
    }
  }

  #closed(why: Error): void {
    this.#entered.reject(why);
    if (this.#isIn && !this.#hasLeft) this.#options.onLost();
  }
}
