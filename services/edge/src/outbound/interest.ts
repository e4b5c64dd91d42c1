import { javaStringHash } from '@pharos/bytes';
import type { PublicationCursor } from '@pharos/bus';

import type { LiveChannel } from './live-channel.ts';

/**
 * Which channels of a lane have subscribers here, looked up by the hash of a message's key, in place.
 *
 * Channels whose hashes collide share a map by name: anybody can make names that collide under Java's string hash, and a
 * list of them would make every message of such a key walk it.
 */
export class Interest {
  readonly #byHash = new Map<number, LiveChannel | Map<string, LiveChannel>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(name: string): LiveChannel | undefined {
    const slot = this.#byHash.get(javaStringHash(name));
    if (slot === undefined) return undefined;
    if (slot instanceof Map) return slot.get(name);
    return slot.name === name ? slot : undefined;
  }

  add(channel: LiveChannel): void {
    const slot = this.#byHash.get(channel.keyHash);
    if (slot === undefined) this.#byHash.set(channel.keyHash, channel);
    else if (slot instanceof Map) slot.set(channel.name, channel);
    else {
      this.#byHash.set(
        channel.keyHash,
        new Map([
          [slot.name, slot],
          [channel.name, channel],
        ]),
      );
    }
    this.#size++;
  }

  remove(channel: LiveChannel): void {
    const slot = this.#byHash.get(channel.keyHash);
    if (slot === channel) this.#byHash.delete(channel.keyHash);
    else if (slot instanceof Map) {
      slot.delete(channel.name);
      if (slot.size === 0) this.#byHash.delete(channel.keyHash);
    } else return;
    this.#size--;
  }

  /**
   * The channel that the cursor's publication belongs to, if anybody here wants it. Hot: once for every message of the lane.
   *
   * @param keyHash the cursor's own
   */
  find(cursor: PublicationCursor, keyHash: number): LiveChannel | undefined {
    const slot = this.#byHash.get(keyHash);
    if (slot === undefined) return undefined;
    if (slot instanceof Map) return slot.get(cursor.channel());
    if (cursor.keyStart >= 0) return slot.hasKey(cursor.buffer, cursor.keyStart, cursor.keyEnd) ? slot : undefined;
    return slot.name === cursor.channel() ? slot : undefined;
  }

  *channels(): IterableIterator<LiveChannel> {
    for (const slot of this.#byHash.values()) {
      if (slot instanceof Map) yield* slot.values();
      else yield slot;
    }
  }
}
