import type { Gauge } from '@pharos/telemetry';

import type { Flusher } from './flusher.ts';
import { Interest } from './interest.ts';
import { LiveChannel, type LiveKind, type LiveSource, type Subscription } from './live-channel.ts';
import type { Shape, Subscriber } from './subscriber.ts';

export interface LiveSetOptions {
  readonly kind: LiveKind;
  /** What the channels' subscriptions are left by. */
  readonly source: LiveSource;
  readonly flusher: Flusher;
  readonly channels: Gauge;
  readonly subscriptions: Gauge;
}

/** The channels of one lane that have subscribers here. */
export class LiveSet {
  readonly interest: Interest = new Interest();
  readonly #options: LiveSetOptions;

  constructor(options: LiveSetOptions) {
    this.#options = options;
  }

  /**
   * Puts a subscriber into a channel's live set, in this very turn: what was handed on before isn't sent to it, all that
   * comes after is.
   *
   * @param newNumber gives the number of a channel that isn't live yet
   */
  join(name: string, subscriber: Subscriber, positioned: boolean, shape: Shape, newNumber: () => number): Subscription {
    const { kind, source, flusher, channels, subscriptions } = this.#options;
    let channel = this.interest.get(name);
    if (channel === undefined) {
      channel = new LiveChannel(name, source, newNumber(), kind);
      this.interest.add(channel);
      channels.inc();
    } else flusher.flush(channel);
    const subscription = channel.add(subscriber, positioned, shape);
    subscriptions.inc();
    return subscription;
  }

  /** Takes it out again. */
  leave(subscription: Subscription): void {
    const { flusher, channels, subscriptions } = this.#options;
    const { channel } = subscription;
    if (!channel.subscriptions.has(subscription)) return;
    // What was handed on while it was subscribed is its to have; the socket leaves the topic after that.
    flusher.flush(channel);
    channel.remove(subscription);
    subscriptions.dec();
    subscription.companion?.leave();
    if (channel.subscriptions.size > 0) return;
    this.interest.remove(channel);
    channels.dec();
  }
}
