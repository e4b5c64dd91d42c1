import type { RequestHead } from '@pharos/socket-server';

import { addressKey } from './admission.ts';

/** What a body that says little of itself is taken for: a request holds more than its body. */
const minBytes = 1_024;
/** What one address may take of it: else a few hundred requests that announce much and send nothing keep everybody out. */
const addressShare = 1 / 4;

/** Bounds what the bodies of requests hold while they come in, before anybody knows whose they are. */
export class BodyBudget {
  readonly #maxBytes: number;
  readonly #byAddress = new Map<string, number>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Sets room aside, to be given back: as much as the request says that its body is long, or may be. Undefined where there is none left. */
  take(head: RequestHead, maxBodyBytes: number): number | undefined {
    const announced = Number(head.header('content-length') || Number.NaN);
    const expected = announced >= 0 ? Math.min(announced, maxBodyBytes) : maxBodyBytes;
    const bytes = Math.max(expected, minBytes);
    const address = addressKey(head.remoteAddress);
    const held = this.#byAddress.get(address) ?? 0;
    if (this.#bytes + bytes > this.#maxBytes || held + bytes > this.#maxBytes * addressShare) return undefined;
    this.#bytes += bytes;
    this.#byAddress.set(address, held + bytes);
    return bytes;
  }

  give(head: RequestHead, bytes: number): void {
    this.#bytes -= bytes;
    const address = addressKey(head.remoteAddress);
    const held = (this.#byAddress.get(address) ?? 0) - bytes;
    if (held > 0) this.#byAddress.set(address, held);
    else this.#byAddress.delete(address);
  }
}
