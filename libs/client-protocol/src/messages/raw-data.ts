/**
 * Application data as it travels inside a message, in the encoding of the connection's codec, already valid there.
 *
 * JSON: the UTF-8 text of exactly one JSON value without a raw newline. Protobuf: any bytes. Encoders copy it into a frame
 * as it is, so that bytes from outside must have gone through `classifyPayload` (or `rawJson`) first.
 */
export type RawData = Buffer;

/** A value of the server's own as raw JSON. @throws TypeError for what JSON can't hold (a function, `undefined`, a cycle) */
export function rawJson(value: unknown): RawData {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`${typeof value} has no JSON form`);
  return Buffer.from(text, 'utf8');
}
