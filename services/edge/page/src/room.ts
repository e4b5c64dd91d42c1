export const DEFAULT_ROOM = 'chat';
/** A channel's name is at most this long, in bytes of UTF-8. */
export const MAX_ROOM_BYTES = 255;
/** Fewer than the 128 channels that a server allows a connection by default. */
export const MAX_ROOMS = 50;

export type RoomCheck = { readonly ok: true; readonly room: string } | { readonly ok: false; readonly problem: string };

const encoder = new TextEncoder();

/** Whether a text names a room: 1 to 255 bytes of UTF-8 on one line. Space around it is taken off. */
export function checkRoom(text: string): RoomCheck {
  const room = text.trim();
  if (room === '') return { ok: false, problem: 'Give the room a name.' };
  if (/\p{Cc}/u.test(room))
    return { ok: false, problem: 'A room’s name can’t hold line breaks or control characters.' };
  if (/\p{Cs}/u.test(room)) return { ok: false, problem: 'The name holds half of a character: type it again.' };
  const bytes = encoder.encode(room).length;
  if (bytes > MAX_ROOM_BYTES) {
    return { ok: false, problem: `The name is ${bytes} bytes long; a room’s name holds at most ${MAX_ROOM_BYTES}.` };
  }
  return { ok: true, room };
}

/** The room that a location's hash names (`#lobby`); undefined where it names none. */
export function roomOfHash(hash: string): string | undefined {
  const encoded = hash.startsWith('#') ? hash.slice(1) : hash;
  const check = checkRoom(decode(encoded));
  return check.ok ? check.room : undefined;
}

export function hashOfRoom(room: string): string {
  return `#${encodeURIComponent(room)}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Typed by hand, a "%" that escapes nothing stands for itself.
    return text;
  }
}

/** Rooms as kept in storage: a JSON array of names. Whatever isn't one counts as the default room alone. */
export function parseRooms(stored: string | null): string[] {
  const rooms = new Set<string>();
  for (const entry of parseArray(stored)) {
    const check = typeof entry === 'string' ? checkRoom(entry) : undefined;
    if (check?.ok === true && rooms.size < MAX_ROOMS) rooms.add(check.room);
  }
  return rooms.size === 0 ? [DEFAULT_ROOM] : [...rooms];
}

function parseArray(stored: string | null): unknown[] {
  try {
    const value: unknown = JSON.parse(stored ?? '[]');
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

/** The room `step` places further in the list, round its ends. */
export function neighbour(rooms: readonly string[], current: string, step: number): string {
  const index = rooms.indexOf(current);
  if (index < 0 || rooms.length === 0) return current;
  return rooms[(index + step + rooms.length * Math.abs(step)) % rooms.length] ?? current;
}
