import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { Deferred } from '@pharos/lifecycle';

interface Trigger {
  /** Byte of this direction, counted from the proxy's start. */
  readonly at: number;
  readonly done: Deferred;
}

interface Corruption extends Trigger {
  readonly mask: number;
}

/** One direction of a fault proxy: what happens to the bytes of all its connections on their way. */
export class ProxyLane {
  /** Bytes that have been passed on, of all connections. */
  passedBytes = 0;
  delayMs = 0;
  /** Bytes of one write; 0 passes on what was read in one piece. */
  splitBytes = 0;
  #gate: Deferred | undefined;
  #cut: Trigger | undefined;
  readonly #corruptions: Corruption[] = [];

  pause(): void {
    this.#gate ??= new Deferred();
  }

  resume(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** After `bytes` more of this direction the connection that carries the last of them is cut. */
  cutAfter(bytes: number): Promise<void> {
    this.#cut = { at: this.passedBytes + bytes, done: new Deferred() };
    return this.#cut.done.promise;
  }

  corrupt(offset: number, mask: number): Promise<void> {
    const corruption = { at: this.passedBytes + offset, mask, done: new Deferred() };
    this.#corruptions.push(corruption);
    return corruption.done.promise;
  }

  /** Calls off the cut and the corruptions that are still to come; what waits for them waits on. */
  disarm(): void {
    this.#cut = undefined;
    this.#corruptions.length = 0;
  }

  /** Moves bytes from `source` to `target` until one of them ends; `cut` ends both at once. */
  async run(source: Socket, target: Socket, cut: () => void): Promise<void> {
    // Serial on purpose: while a piece waits, `source` is not read, so that back-pressure reaches the sender.
    // The end of this direction must leave the other one open.
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (this.delayMs > 0) await delay(this.delayMs);
      for (const piece of this.#pieces(chunk)) {
        if (this.#gate !== undefined) await this.#gate.promise;
        if (target.destroyed) return;
        if (await this.#pass(piece, target)) return cut();
      }
    }
    target.end();
  }

  *#pieces(chunk: Buffer): Generator<Buffer> {
    const size = this.splitBytes > 0 ? this.splitBytes : chunk.length;
    for (let start = 0; start < chunk.length; start += size) yield chunk.subarray(start, start + size);
  }

  /** Passes on `piece`, with its faults; true where the connection is to be cut after it. */
  async #pass(piece: Buffer, target: Socket): Promise<boolean> {
    const cut = this.#cut !== undefined && this.#cut.at <= this.passedBytes + piece.length ? this.#cut : undefined;
    const passed = cut === undefined ? piece : piece.subarray(0, cut.at - this.passedBytes);
    this.#applyCorruptions(passed);
    this.passedBytes += passed.length;
    if (passed.length > 0) await write(target, passed);
    // A turn between two writes, so that the receiver reads them apart.
    if (this.splitBytes > 0) await nextTurn();
    if (cut === undefined) return false;
    this.#cut = undefined;
    cut.done.resolve();
    return true;
  }

  #applyCorruptions(piece: Buffer): void {
    for (const corruption of [...this.#corruptions]) {
      const index = corruption.at - this.passedBytes;
      const byte = piece[index];
      if (byte === undefined) continue;
      piece[index] = byte ^ corruption.mask;
      this.#corruptions.splice(this.#corruptions.indexOf(corruption), 1);
      corruption.done.resolve();
    }
  }
}

/** Resolves when the system has taken `piece`, or the socket is gone. */
function write(target: Socket, piece: Buffer): Promise<void> {
  return new Promise((resolve) => {
    target.once('close', resolve);
    target.write(piece, () => {
      target.off('close', resolve);
      resolve();
    });
  });
}
