const URL_PATTERN = /https?:\/\/[^\s<>"'`]+/g;
/** Punctuation that ends a sentence rather than an address. */
const TRAILING = /[.,;:!?'*_~]+$/;
export const HUES = 12;

export interface TextPart {
  readonly text: string;
  /** An http or https address: the only schemes that ever become a link. */
  readonly href?: string;
}

/** Splits a text into plain parts and web addresses; the parts joined give the text again. */
export function splitLinks(text: string): TextPart[] {
  if (!text.includes('://')) return [{ text }];
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(URL_PATTERN)) {
    const href = trimAddress(match[0]);
    if (!URL.canParse(href)) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: href, href });
    end = match.index + href.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

function trimAddress(address: string): string {
  const trimmed = address.replace(TRAILING, '');
  // "(see https://a.example/b)" ends in a bracket that the address didn't open.
  const unopened = trimmed.endsWith(')') && !trimmed.includes('(');
  return unopened ? trimmed.slice(0, -1).replace(TRAILING, '') : trimmed;
}

/** `17 bytes`, `1.5 kB`, `12 MB`: decimal units, two digits at most after the first. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return bytes === 1 ? '1 byte' : `${bytes} bytes`;
  const units = ['kB', 'MB', 'GB'];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit++;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 9.95 ? Number(value.toFixed(1)) : Math.round(value)} ${units[unit]}`;
}

/** `7 s`, `2 min`, `3 h`: how long something has lasted, rounded down. */
export function formatElapsed(elapsedMs: number): string {
  const seconds = Math.max(0, Math.floor(elapsedMs / 1000));
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

/** At most three characters, so that a badge keeps its width. */
export function formatCount(count: number): string {
  return count > 99 ? '99+' : String(count);
}

/** One or two letters that stand for a name: `Ada Lovelace` → `AL`, `ann` → `A`. */
export function initials(name: string): string {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => firstLetter(word ?? ''));
  return letters.join('').toUpperCase() || '?';
}

function firstLetter(word: string): string {
  const point = word.codePointAt(0);
  return point === undefined ? '' : String.fromCodePoint(point);
}

/** The same hue, 0 to HUES − 1, for the same key in every tab, so that a person keeps a colour. */
export function hueOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % HUES;
}

/** Whether two times (ms since 1970) lie on the same day of the local calendar. */
export function isSameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}
