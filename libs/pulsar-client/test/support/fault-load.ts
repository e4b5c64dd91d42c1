// Numbered messages through faults, and what became of them.
import { Deferred, withDeadline } from '@pharos/lifecycle';
import type { MessageId } from '../../src/message-id.ts';
import type { Producer } from '../../src/producer/producer.ts';

/** Messages of one load that have no receipt yet, unless it says otherwise. */
const underWayAtMost = 100;

export interface LoadOptions {
  readonly total: number;
  /** Messages get keys in turn, so many; 0: none. */
  readonly keys: number;
  /** Bytes of each message at least. */
  readonly bytes?: number;
  readonly onAcknowledged?: () => void;
  /** Messages without a receipt at most. */
  readonly underWay?: number;
  /** Whether to go on beyond the total, as long as nothing fails. @default never */
  readonly goesOn?: () => boolean;
}

/** Publishes `<name>:<key>:<number>`, with filling that anybody can reckon. */
export class NumberedLoad {
  readonly name: string;
  readonly acknowledged = new Set<string>();
  readonly failures: unknown[] = [];
  readonly #producer: Producer;
  readonly #options: LoadOptions;

  constructor(name: string, producer: Producer, options: LoadOptions) {
    this.name = name;
    this.#producer = producer;
    this.#options = options;
  }

  /** Resolves when every message was acknowledged or failed. */
  async run(): Promise<void> {
    const { total, underWay = underWayAtMost, goesOn = () => false } = this.#options;
    let next = 0;
    const publish = async (): Promise<void> => {
      while (next < total || (this.failures.length === 0 && goesOn())) await this.#publish(next++);
    };
    await Promise.all(Array.from({ length: underWay }, publish));
  }

  async #publish(number: number): Promise<void> {
    const { keys, bytes = 0, onAcknowledged } = this.#options;
    const key = keys === 0 ? '' : `k${number % keys}`;
    const text = `${this.name}:${key}:${number}`;
    try {
      await this.#producer.send({ data: filled(text, bytes), ...(key === '' ? {} : { partitionKey: key }) });
      this.acknowledged.add(text);
      onAcknowledged?.();
    } catch (error) {
      this.failures.push(error);
    }
  }
}

export interface FaultCounts {
  readonly acknowledged: number;
  readonly received: number;
  /** Acknowledged, and never received. */
  readonly lost: number;
  /** Received from more than one place in the topic. */
  readonly duplicated: number;
  /** Received from the same place again. */
  readonly redelivered: number;
  /** Of these, such as the broker had confirmed to be acknowledged. */
  readonly afterConfirmation: number;
  /** For the first time after a later one of its load, partition and key. */
  readonly outOfOrder: number;
  /** Payloads that nobody sent. */
  readonly wrong: number;
}

/** What one receiver got. */
export class Receipts {
  readonly name: string;
  readonly #onReceived: () => void;
  /** Texts, with the places where they were. */
  readonly #places = new Map<string, Set<string>>();
  readonly #newest = new Map<string, number>();
  #waiting: { readonly has: () => boolean; readonly done: Deferred } | undefined;
  readonly #confirmed = new Set<string>();
  #redelivered = 0;
  #afterConfirmation = 0;
  #outOfOrder = 0;
  #wrong = 0;

  constructor(name: string, onReceived: () => void = () => undefined) {
    this.name = name;
    this.#onReceived = onReceived;
  }

  /** @param id of the message, with its place in the batch */
  add(data: Buffer, id: MessageId): void {
    const end = data.indexOf('\n');
    const text = data.toString('latin1', 0, end < 0 ? data.length : end);
    const [load, key, number] = text.split(':');
    if (number === undefined || !data.equals(filled(text, data.length))) {
      this.#wrong++;
      return;
    }
    this.#onReceived();
    const place = id.toString();
    const places = this.#places.get(text);
    if (places !== undefined) {
      if (places.has(place)) this.#redelivered++;
      if (this.#confirmed.has(place)) this.#afterConfirmation++;
      places.add(place);
      return;
    }
    this.#places.set(text, new Set([place]));
    const lane = `${load}:${key}:${id.partition}`;
    if (Number(number) < (this.#newest.get(lane) ?? -1)) this.#outOfOrder++;
    else this.#newest.set(lane, Number(number));
    if (this.#waiting?.has() === true) this.#waiting.done.resolve();
  }

  /** From now on it is not to come again. */
  confirm(id: MessageId): void {
    this.#confirmed.add(id.toString());
  }

  /** Resolves when so many different messages have come; rejects with how many had, once the time is over. */
  untilReceived(count: number, timeoutMs: number): Promise<void> {
    return this.#until(() => this.#places.size >= count, `${count} messages`, timeoutMs);
  }

  /** Resolves when this very message has come. */
  untilText(text: string, timeoutMs: number): Promise<void> {
    return this.#until(() => this.#places.has(text), `message ${text}`, timeoutMs);
  }

  async #until(has: () => boolean, what: string, timeoutMs: number): Promise<void> {
    if (has()) return;
    this.#waiting = { has, done: new Deferred() };
    await withDeadline(this.#waiting.done.promise, timeoutMs, what).catch((error: unknown) => {
      throw new Error(`${this.name} got ${this.#places.size} messages, not yet ${what}`, { cause: error });
    });
  }

  counts(loads: readonly NumberedLoad[]): FaultCounts {
    let acknowledged = 0;
    let lost = 0;
    for (const load of loads) {
      acknowledged += load.acknowledged.size;
      for (const text of load.acknowledged) if (!this.#places.has(text)) lost++;
    }
    let duplicated = 0;
    for (const places of this.#places.values()) duplicated += places.size - 1;
    const { size: received } = this.#places;
    return {
      acknowledged,
      received,
      lost,
      duplicated,
      redelivered: this.#redelivered,
      afterConfirmation: this.#afterConfirmation,
      outOfOrder: this.#outOfOrder,
      wrong: this.#wrong,
    };
  }
}

/** The text, a line feed and, up to the length, letters that follow from the text. */
function filled(text: string, length: number): Buffer {
  const data = Buffer.alloc(Math.max(length, text.length), '\n');
  data.write(text, 'latin1');
  let state = text.length;
  for (const character of text) state = (Math.imul(state, 31) + character.charCodeAt(0)) >>> 0;
  for (let at = text.length + 1; at < data.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    data[at] = 97 + (state >>> 28);
  }
  return data;
}
