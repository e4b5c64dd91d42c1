import { formatBytes, isSameDay } from './format.ts';

/** Longest name that is shown; anyone may send any. */
export const MAX_NAME_LENGTH = 40;
const GROUP_WINDOW_MS = 5 * 60_000;
const PEER_LINE = /^\[([0-9a-f]{8})-([0-9a-f]{4}-){3}[0-9a-f]{12}\] ?/i;

/**
 * `chat`: somebody's words. `line`: words without a name. `json`: structured data that isn't chat. `binary`: bytes
 * that are no text. `notice`: said by this page about the room.
 */
export type MessageKind = 'chat' | 'line' | 'json' | 'binary' | 'notice';

export interface ChatMessage {
  readonly kind: MessageKind;
  /** Name to show; empty where the sender gave none. */
  readonly author: string;
  /** Tells senders of the same name apart where more is known about them than the name. */
  readonly authorKey: string;
  readonly text: string;
  /** When this page received it, in ms since 1970: the SDK doesn't hand on the broker's time. */
  readonly atMs: number;
  /** Whether this tab sent it. */
  readonly own: boolean;
}

/** A publication as the SDK hands it over; `data` is whatever anybody put on the channel. */
export interface IncomingPublication {
  readonly data: unknown;
  readonly clientId?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

export interface ReadContext {
  readonly atMs: number;
  /** Whether a client id is one that this tab has or had. */
  readonly isOwn: (clientId: string) => boolean;
}

/** Makes a message of any publication. Never throws: a handler that throws would stop the SDK's client. */
export function readPublication(publication: IncomingPublication, context: ReadContext): ChatMessage {
  const { data, clientId = '' } = publication;
  const base = { atMs: context.atMs, own: clientId !== '' && context.isOwn(clientId) };
  const sender = { author: clientId.slice(0, 8), authorKey: clientId };
  if (typeof data === 'string') {
    if (publication.tags?.['pharos-encoding'] === 'base64') {
      const text = `${formatBytes(base64Bytes(data))} of binary data`;
      return { ...base, ...sender, kind: 'binary', text };
    }
    return { ...base, ...readText(data, sender) };
  }
  if (isChatData(data)) {
    const name = cleanName(data.name);
    const author = name === '' ? sender : { author: name, authorKey: `${name}\n${clientId}` };
    return { ...base, ...author, kind: 'chat', text: data.text };
  }
  const structured = typeof data === 'object' && data !== null;
  return { ...base, ...sender, kind: structured ? 'json' : kindOfText(sender.author), text: stringify(data) };
}

export function notice(text: string, atMs: number): ChatMessage {
  return { kind: 'notice', author: '', authorKey: '', text, atMs, own: false };
}

/** Whether a message goes under the one before it without repeating name and time. */
export function continues(message: ChatMessage, previous: ChatMessage | undefined): boolean {
  return (
    previous !== undefined &&
    previous.kind !== 'notice' &&
    message.kind !== 'notice' &&
    previous.authorKey === message.authorKey &&
    previous.author === message.author &&
    previous.own === message.own &&
    message.atMs - previous.atMs < GROUP_WINDOW_MS &&
    isSameDay(previous.atMs, message.atMs)
  );
}

/** A name on one line without control and direction characters, at most MAX_NAME_LENGTH long; empty for anything but text. */
export function cleanName(name: unknown): string {
  if (typeof name !== 'string') return '';
  const plain = name
    .slice(0, 4 * MAX_NAME_LENGTH)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  // By code points: half of a surrogate pair would show as a box.
  return Array.from(plain).slice(0, MAX_NAME_LENGTH).join('').trim();
}

type Sender = Pick<ChatMessage, 'author' | 'authorKey'>;

function readText(data: string, sender: Sender): Sender & Pick<ChatMessage, 'kind' | 'text'> {
  const peer = PEER_LINE.exec(data);
  if (peer === null) return { ...sender, kind: kindOfText(sender.author), text: data };
  const id = peer[0].slice(1, 37);
  return { author: id.slice(0, 8), authorKey: id, kind: 'chat', text: data.slice(peer[0].length) };
}

function kindOfText(author: string): MessageKind {
  return author === '' ? 'line' : 'chat';
}

function isChatData(data: unknown): data is { name?: unknown; text: string } {
  return typeof data === 'object' && data !== null && 'text' in data && typeof data.text === 'string';
}

function stringify(data: unknown): string {
  try {
    const text = JSON.stringify(data, undefined, 2);
    // A short object reads better on one line.
    return text.length <= 80 ? text.replace(/\n\s*/g, ' ') : text;
  } catch {
    return 'JSON nested too deeply to show';
  }
}

function base64Bytes(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return Math.max(0, Math.floor((text.length * 3) / 4) - padding);
}
