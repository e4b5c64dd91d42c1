import { isUtf8 } from '@pharos/bytes';
import { isJson, maxJsonDepth } from './json/scan.ts';
import type { RawData } from './messages/raw-data.ts';

/**
 * Tag of publications whose bytes are neither JSON nor UTF-8: JSON clients get them in `data` as a JSON string of base64
 * (RFC 4648 with padding), and this tag says so with the value `base64`.
 */
export const encodingTag = 'pharos-encoding';
export const base64Encoding = 'base64';

/** What a message from the log is to a JSON client. */
export interface Payload {
  /** `json`: it is JSON itself. `text`: any other UTF-8, as a JSON string. `binary`: base64, to be tagged {@link encodingTag}. */
  readonly kind: 'json' | 'text' | 'binary';
  /** One JSON value without a raw newline: a view of the payload where that is possible. */
  readonly json: RawData;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/**
 * Turns a message's bytes, which may be anything, into a JSON value that can be embedded in a frame. To be called once a
 * message, not once a delivery.
 *
 * JSON nested deeper than `maxJsonDepth` counts as text. A leading byte order mark is not JSON. No bytes are the text "".
 */
export function classifyPayload(bytes: Buffer): Payload {
  if (!isUtf8(bytes)) return { kind: 'binary', json: Buffer.from(`"${bytes.toString('base64')}"`, 'latin1') };
  if (isJson(bytes, maxJsonDepth)) return { kind: 'json', json: withoutNewlines(bytes) };
  return { kind: 'text', json: jsonString(bytes) };
}

/** UTF-8 as a JSON string: how JSON clients that take deltas get data, whole or not. */
export function jsonString(utf8: Buffer): RawData {
  return Buffer.from(JSON.stringify(utf8.toString('utf8')), 'utf8');
}

/** Valid JSON has raw newlines only between its tokens, where a space means the same; in a frame a newline would end the message. */
function withoutNewlines(json: Buffer): Buffer {
  if (!json.includes(NEWLINE) && !json.includes(CARRIAGE_RETURN)) return json;
  const copy = Buffer.from(json);
  for (let index = 0; index < copy.length; index++) {
    const byte = copy[index];
    if (byte === NEWLINE || byte === CARRIAGE_RETURN) copy[index] = SPACE;
  }
  return copy;
}
