import type { Subscription } from '../outbound/live-channel.ts';

/** A subscribe that waits for its lane. Each is one of its own: an unsubscribe and the next subscribe can overtake it. */
export class PendingSubscribe {
  readonly commandId: number;

  constructor(commandId: number) {
    this.commandId = commandId;
  }
}

type Entry = Subscription | PendingSubscribe;

/**
 * A connection's subscriptions by channel. Most connections have one, so the first lies in two fields and a Map is made
 * only for the second: an empty Map costs a connection more than all the rest of its session.
 */
export class SubscriptionSet {
  #channel: string | undefined;
  #entry: Entry | undefined;
  #more: Map<string, Entry> | undefined;

  get size(): number {
    return (this.#entry === undefined ? 0 : 1) + (this.#more?.size ?? 0);
  }

  get(channel: string): Entry | undefined {
    return this.#channel === channel ? this.#entry : this.#more?.get(channel);
  }

  set(channel: string, entry: Entry): void {
    if (this.#channel === channel || (this.#entry === undefined && this.#more?.has(channel) !== true)) {
      this.#channel = channel;
      this.#entry = entry;
    } else {
      this.#more ??= new Map();
      this.#more.set(channel, entry);
    }
  }

  delete(channel: string): void {
    if (this.#channel === channel) {
      this.#channel = undefined;
      this.#entry = undefined;
    } else this.#more?.delete(channel);
  }

  /** Takes all out. */
  clear(): Entry[] {
    const all = [...(this.#more?.values() ?? [])];
    if (this.#entry !== undefined) all.push(this.#entry);
    this.#channel = undefined;
    this.#entry = undefined;
    this.#more = undefined;
    return all;
  }
}
