import type { MessageIdParts } from '../message-id.ts';
import { compareMessageIds, type MessageIdData } from '../wire/index.ts';
import { DueTimes } from './due-times.ts';
import { backoffDelayMs, type RedeliverySettings } from './redelivery-settings.ts';

/** Against an application that acknowledges nothing, or refuses all: beyond it, those that wait longest are asked for early. */
const defaultMaxTracked = 1_000_000;

/**
 * Which messages of a partition are to be asked for again, and when: those that were refused, and those that were handed
 * over and not acknowledged in time. The broker delivers entries as a whole, so entries are what is asked for.
 */
export class Redelivery {
  readonly #settings: RedeliverySettings;
  readonly #ask: (ids: readonly MessageIdData[]) => void;
  readonly #maxTracked: number;
  /** By entry. */
  readonly #refused: DueTimes<MessageIdData>;
  /** By message; absent where nothing has to be acknowledged in time. */
  readonly #unacknowledged: DueTimes<MessageIdParts> | undefined;

  /** @param now a clock that never goes back, in milliseconds */
  constructor(
    settings: RedeliverySettings,
    ask: (ids: readonly MessageIdData[]) => void,
    now?: () => number,
    maxTracked: number = defaultMaxTracked,
  ) {
    this.#maxTracked = maxTracked;
    this.#settings = settings;
    this.#ask = ask;
    const { nackDelayMs, nackBackoff, ackTimeoutMs } = settings;
    const shortestMs = Math.min(nackDelayMs, nackBackoff?.minDelayMs ?? nackDelayMs);
    this.#refused = new DueTimes(shortestMs, (ids) => this.#ask(ids), now);
    if (ackTimeoutMs > 0) this.#unacknowledged = new DueTimes(ackTimeoutMs, (ids) => this.#askEntries(ids), now);
  }

  /** It was acknowledged negatively. @param redeliveries how often the broker has delivered it again already */
  refuse(id: MessageIdParts, redeliveries: number): void {
    this.#unacknowledged?.delete(messageKey(id));
    const key = entryKey(id);
    // The message of the entry that is due first has the whole entry come.
    if (this.#refused.has(key)) return;
    const { nackBackoff, nackDelayMs } = this.#settings;
    const delayMs = nackBackoff === undefined ? nackDelayMs : backoffDelayMs(nackBackoff, redeliveries);
    this.#refused.set(key, entryOf(id), delayMs);
    if (this.#refused.size > this.#maxTracked) this.#refused.hurry();
  }

  /** The application has it, and its time to acknowledge it begins. */
  handedOver(id: MessageIdParts, redeliveries: number): void {
    const tracked = this.#unacknowledged;
    if (tracked === undefined) return;
    const { ackTimeoutMs, ackTimeoutBackoff } = this.#settings;
    const moreMs = ackTimeoutBackoff === undefined ? 0 : backoffDelayMs(ackTimeoutBackoff, redeliveries);
    tracked.set(messageKey(id), id, ackTimeoutMs + moreMs);
    if (tracked.size > this.#maxTracked) tracked.hurry();
  }

  /** @param whole whether its entry is, which then need not come again */
  acknowledged(id: MessageIdParts, whole: boolean): void {
    this.#unacknowledged?.delete(messageKey(id));
    if (whole && this.#refused.size > 0) this.#refused.delete(entryKey(id));
  }

  acknowledgedUpTo(id: MessageIdParts): void {
    const batchIndex = id.batchIndex ?? -1;
    const last = { ...entryOf(id), batchIndex: batchIndex < 0 ? Number.MAX_SAFE_INTEGER : batchIndex };
    this.#unacknowledged?.deleteWhere(
      (one) => compareMessageIds({ ...entryOf(one), batchIndex: one.batchIndex }, last) <= 0,
    );
    this.#refused.deleteWhere((one) => compareMessageIds({ ...one, batchIndex: Number.MAX_SAFE_INTEGER }, last) <= 0);
  }

  /** All that is unacknowledged comes again anyway, or nobody wants it. */
  clear(): void {
    this.#refused.clear();
    this.#unacknowledged?.clear();
  }

  #askEntries(ids: readonly MessageIdParts[]): void {
    this.#ask([...new Map(ids.map((id) => [entryKey(id), entryOf(id)])).values()]);
  }
}

function entryOf({ ledgerId, entryId }: MessageIdParts): MessageIdData {
  return { ledgerId, entryId };
}

function entryKey({ ledgerId, entryId }: MessageIdParts): string {
  return `${ledgerId}:${entryId}`;
}

function messageKey({ ledgerId, entryId, batchIndex = -1 }: MessageIdParts): string {
  return `${ledgerId}:${entryId}:${batchIndex}`;
}
