import { cleanName } from './message.ts';
import { MAX_ROOMS, parseRooms } from './room.ts';

const NAME_KEY = 'pharos.name';
const ROOMS_KEY = 'pharos.rooms';
const GUEST_KEY = 'pharos.guest';
const DRAFT_PREFIX = 'pharos.draft.';

/** What outlives a reload: name and rooms for the browser, drafts and the guest's number for the tab. */
export class Keepsake {
  readonly #browser: Storage | undefined = storage('localStorage');
  readonly #tab: Storage | undefined = storage('sessionStorage');

  /** The name that the user chose, else a guest's with a number of this tab's own. */
  name(): string {
    const chosen = cleanName(this.#browser?.getItem(NAME_KEY));
    if (chosen !== '') return chosen;
    const kept = cleanName(this.#tab?.getItem(GUEST_KEY));
    if (kept !== '') return kept;
    const guest = `Guest ${100 + Math.floor(Math.random() * 900)}`;
    write(this.#tab, GUEST_KEY, guest);
    return guest;
  }

  /** Keeps a name; an empty one makes the user a guest again. */
  setName(name: string): void {
    write(this.#browser, NAME_KEY, cleanName(name));
  }

  rooms(): string[] {
    return parseRooms(this.#browser?.getItem(ROOMS_KEY) ?? null);
  }

  setRooms(rooms: readonly string[]): void {
    write(this.#browser, ROOMS_KEY, JSON.stringify(rooms.slice(0, MAX_ROOMS)));
  }

  draft(room: string): string {
    return this.#tab?.getItem(DRAFT_PREFIX + room) ?? '';
  }

  setDraft(room: string, text: string): void {
    write(this.#tab, DRAFT_PREFIX + room, text);
  }

  /** Calls back when another tab changed the list of rooms. */
  onRoomsChanged(callback: (rooms: string[]) => void): void {
    window.addEventListener('storage', (event) => {
      if (event.key === ROOMS_KEY) callback(parseRooms(event.newValue));
    });
  }
}

/** Storage can be forbidden altogether: the page then works without memory. */
function storage(kind: 'localStorage' | 'sessionStorage'): Storage | undefined {
  try {
    return window[kind];
  } catch {
    return undefined;
  }
}

function write(target: Storage | undefined, key: string, value: string): void {
  try {
    if (value === '') target?.removeItem(key);
    else target?.setItem(key, value);
  } catch {
    // Full or forbidden: nothing that is kept here is worth more than going on.
  }
}
