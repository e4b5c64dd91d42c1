import type { MessageIdData } from '../wire/index.ts';

/** Messages that wait to be asked for again; the broker bounds what a consumer holds unacknowledged, and so these. */
export class Redelivery {
  readonly #delayMs: number;
  readonly #ask: (ids: readonly MessageIdData[]) => void;
  /** By entry, in the order of their times. */
  readonly #waiting = new Map<string, { readonly id: MessageIdData; readonly dueAt: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(delayMs: number, ask: (ids: readonly MessageIdData[]) => void) {
    this.#delayMs = delayMs;
    this.#ask = ask;
  }

  /** Entries come again as a whole. */
  add(id: MessageIdData): void {
    const { ledgerId, entryId } = id;
    const key = `${ledgerId}:${entryId}`;
    if (this.#waiting.has(key)) return;
    this.#waiting.set(key, { id: { ledgerId, entryId }, dueAt: performance.now() + this.#delayMs });
    this.#timer ??= setTimeout(() => this.#due(), this.#delayMs);
  }

  /** It was acknowledged after all. */
  remove({ ledgerId, entryId }: { readonly ledgerId: bigint; readonly entryId: bigint }): void {
    if (this.#waiting.size > 0) this.#waiting.delete(`${ledgerId}:${entryId}`);
  }

  /** They come again anyway, or nobody wants them. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #due(): void {
    this.#timer = undefined;
    const now = performance.now();
    const ids: MessageIdData[] = [];
    for (const [key, { id, dueAt }] of this.#waiting) {
      // A timer may fire a little early.
      if (dueAt > now + 1) {
        this.#timer = setTimeout(() => this.#due(), dueAt - now);
        break;
      }
      this.#waiting.delete(key);
      ids.push(id);
    }
    if (ids.length > 0) this.#ask(ids);
  }
}
