import type { RequestHead } from '@pharos/socket-server';

/** What a body that says little of itself is taken for: a request holds more than its body. */
const minBytes = 1_024;

/** Bounds what the bodies of requests hold while they come in, before anybody knows whose they are. */
export class BodyBudget {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Sets room aside, to be given back: as much as the request says that its body is long, or may be. Undefined where there is none left. */
  take(head: RequestHead, maxBodyBytes: number): number | undefined {
    const announced = Number(head.header('content-length') || Number.NaN);
    const expected = announced >= 0 ? Math.min(announced, maxBodyBytes) : maxBodyBytes;
    const bytes = Math.max(expected, minBytes);
    if (this.#bytes + bytes > this.#maxBytes) return undefined;
    this.#bytes += bytes;
    return bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}
