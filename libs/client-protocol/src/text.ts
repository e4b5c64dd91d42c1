import { isUtf8 } from '@pharos/bytes';
import { isJson, skipSpace } from './json/scan.ts';

const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;

/**
 * A message as plain-text clients get it: valid UTF-8, so that it may be a text frame.
 *
 * With `clientId`, the id of the client that published it, a JSON string and the member `text` of a JSON object become the
 * line `[<id>] <text>`. Anything else is sent as it is (then the result is `payload` itself); bytes that are not UTF-8
 * become U+FFFD.
 */
export function renderText(payload: Buffer, clientId?: string): Buffer {
  if (!isUtf8(payload)) return Buffer.from(payload.toString('utf8'), 'utf8');
  if (clientId === undefined || clientId === '') return payload;
  const text = chatText(payload);
  return text === undefined ? payload : Buffer.from(`[${clientId}] ${text}`, 'utf8');
}

function chatText(payload: Buffer): string | undefined {
  const first = firstToken(payload);
  if ((first !== QUOTE && first !== OPEN_BRACE) || !isJson(payload)) return undefined;
  const value = JSON.parse(payload.toString('utf8')) as unknown;
  if (typeof value === 'string') return value;
  // It began with a brace, so that it is an object.
  const { text } = value as { readonly text?: unknown };
  return typeof text === 'string' ? text : undefined;
}

function firstToken(payload: Buffer): number | undefined {
  return payload[skipSpace(payload, 0)];
}
