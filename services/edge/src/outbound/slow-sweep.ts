import { RecentMax } from '../recent-max.ts';
import type { LiveChannel } from './live-channel.ts';

/** How often the sockets that were published to are looked at. */
const sweepIntervalMs = 20;
/** A channel that got this much since the last look is looked at in the next turn: time alone wouldn't bound a burst. */
const sweepBytes = 256 * 1024;

/**
 * Ends the connections whose clients read slower than they are sent to.
 *
 * The socket server drops nothing on its own account, because a client that got a frame after a dropped one could not
 * know of the hole. So what is buffered for each socket is bounded here: over the limit, the connection is ended, in
 * order, and the client resumes. It is done from a turn of its own and never while publishing, because ending a socket
 * inside a publish is not safe.
 */
export class SlowSweep {
  /** What may be buffered for one connection. */
  limitBytes: number;
  readonly #published = new Set<LiveChannel>();
  readonly #urgent = new Set<LiveChannel>();
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  readonly #most = new RecentMax();
  #stopped = false;

  /** @param limitBytes what may be buffered for one connection */
  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** The most that waited for one connection of late. */
  get queueBytes(): number {
    return this.#most.value;
  }

  /** Notes that `bytes` were handed to every socket of the channel. */
  published(channel: LiveChannel, bytes: number): void {
    if (this.#stopped) return;
    channel.bytesSinceSweep += bytes;
    this.#published.add(channel);
    if (channel.bytesSinceSweep >= sweepBytes) {
      this.#urgent.add(channel);
      this.#immediate ??= setImmediate(() => this.#sweepUrgent());
    } else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => this.#sweepAll(), sweepIntervalMs);
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#published.clear();
    this.#urgent.clear();
  }

  #sweepUrgent(): void {
    this.#immediate = undefined;
    const channels = [...this.#urgent];
    this.#urgent.clear();
    for (const channel of channels) this.#sweep(channel);
  }

  #sweepAll(): void {
    this.#timer = undefined;
    const channels = [...this.#published];
    this.#published.clear();
    for (const channel of channels) this.#sweep(channel);
  }

  #sweep(channel: LiveChannel): void {
    channel.bytesSinceSweep = 0;
    // Only what is published can grow a buffer past its limit, so a channel isn't looked at again until then.
    for (const { subscriber } of channel.subscriptions) {
      const bytes = subscriber.socket.bufferedAmount();
      this.#most.add(bytes);
      if (bytes > this.limitBytes) subscriber.disconnectSlow();
    }
  }
}
