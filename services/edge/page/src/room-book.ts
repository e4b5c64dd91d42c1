import { BoundedList } from './bounded-list.ts';
import type { ChatMessage } from './message.ts';
import { MAX_ROOMS } from './room.ts';
import type { RoomState } from './session.ts';

/** Messages kept and shown of a room. */
export const MAX_MESSAGES = 1_000;
/** Characters kept of a room in all, against a thousand messages of the largest size. */
export const MAX_CHARACTERS = 2_000_000;

export interface Room {
  readonly name: string;
  readonly messages: BoundedList<ChatMessage>;
  unread: number;
  state: RoomState;
}

/** The rooms that this tab is in, in the order of the side bar, at most MAX_ROOMS. */
export class RoomBook {
  readonly #rooms = new Map<string, Room>();

  get names(): string[] {
    return [...this.#rooms.keys()];
  }

  get all(): Room[] {
    return [...this.#rooms.values()];
  }

  get isFull(): boolean {
    return this.#rooms.size >= MAX_ROOMS;
  }

  get unread(): number {
    let total = 0;
    for (const room of this.#rooms.values()) total += room.unread;
    return total;
  }

  get(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  /** The room of this name, made where there is none; undefined where the book is full. */
  open(name: string): Room | undefined {
    const known = this.#rooms.get(name);
    if (known !== undefined || this.isFull) return known;
    const messages = new BoundedList<ChatMessage>({
      maxItems: MAX_MESSAGES,
      maxWeight: MAX_CHARACTERS,
      weigh: (message) => message.text.length,
    });
    const room: Room = { name, messages, unread: 0, state: { phase: 'joining' } };
    this.#rooms.set(name, room);
    return room;
  }

  close(name: string): void {
    this.#rooms.delete(name);
  }
}
