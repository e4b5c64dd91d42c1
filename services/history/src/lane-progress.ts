import type { LaneEntry } from '@pharos/bus';

import type { Lag } from './metrics.ts';

/** How far one lane is, for operators: it outlives the attempts to bring it further. */
export class LaneProgress {
  #seen = 0;
  #written = 0;
  /** What was seen and isn't written, oldest first. */
  #waiting: { readonly last: number; readonly timeMs: number }[] = [];
  /** Since when it is behind, where what it waited for is to be read again. */
  #behindSinceMs: number | undefined;

  /** It is read (again) from after `watermark`, up to at least `newest`. */
  begins(watermark: number, newest: number): void {
    this.#behindSinceMs ??= this.#waiting[0]?.timeMs;
    this.#waiting = [];
    this.#written = watermark;
    this.#seen = Math.max(watermark, newest);
    if (this.#seen === watermark) this.#behindSinceMs = undefined;
  }

  saw(entry: LaneEntry): void {
    const last = entry.firstOffset + entry.count - 1;
    this.#seen = Math.max(this.#seen, last);
    this.#waiting.push({ last, timeMs: entry.publishTimeMs });
  }

  wrote(watermark: number): void {
    this.#written = Math.max(this.#written, watermark);
    this.#behindSinceMs = undefined;
    const open = this.#waiting.findIndex(({ last }) => last > watermark);
    this.#waiting.splice(0, open < 0 ? this.#waiting.length : open);
  }

  lag(nowMs: number): Lag {
    const sinceMs = this.#behindSinceMs ?? this.#waiting[0]?.timeMs ?? nowMs;
    const messages = Math.max(0, this.#seen - this.#written);
    return { messages, seconds: messages === 0 ? 0 : Math.max(0, nowMs - sinceMs) / 1000 };
  }
}
