/**
 * A string as it may be handed to the library: itself where it is ASCII, else its UTF-8.
 *
 * The addon for Node.js 24 takes strings as V8 keeps them, and V8 keeps those without a character beyond U+00FF in Latin-1: `ü` would go
 * out as one byte, which is no UTF-8, and a topic would have one name or another by how its string came about.
 */
export function toNative<Message extends string | Uint8Array>(message: Message): Message | Uint8Array {
  return typeof message !== 'string' || Buffer.byteLength(message) === message.length ? message : Buffer.from(message);
}
