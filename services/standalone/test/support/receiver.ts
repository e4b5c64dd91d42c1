import { Deferred } from '@pharos/lifecycle';
import { Collector } from '@pharos/testkit';

export interface Close {
  readonly code: number;
  readonly reason: string;
}

/** What one client receives: every text, in order, up to its first close. */
export class Receiver {
  readonly name: string;
  readonly lines: Collector<string> = new Collector();
  readonly closed: Deferred<Close> = new Deferred();
  #close: Close | undefined;
  #afterClose = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** How it ended; undefined while it is connected. */
  get close(): Close | undefined {
    return this.#close;
  }

  /** Texts that came after the close: always 0, or a frame overtook a hole. */
  get afterClose(): number {
    return this.#afterClose;
  }

  readonly received = (text: string): void => {
    if (this.#close === undefined) this.lines.add(text);
    else this.#afterClose++;
  };

  readonly ended = (close: Close): void => {
    if (this.#close !== undefined) return;
    this.#close = close;
    this.closed.resolve(close);
  };

  /** Resolves when `last` has come or the client is closed. */
  async settled(last: string, timeoutMs = 60_000): Promise<void> {
    const came = this.lines.waitFor((line) => line === last, `'${last.slice(0, 40)}' at ${this.name}`, timeoutMs);
    // Where the close comes first, the wait for the line has nobody left to tell.
    came.catch(() => undefined);
    await Promise.race([came, this.closed.promise]);
  }
}
