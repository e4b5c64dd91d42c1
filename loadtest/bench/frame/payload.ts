const opening = Buffer.from('{"seq":"');
const middle = '","pad":"';
const closing = '"}';
const digits = 10;

/** Bytes of what each publication begins with up to its number: receivers look for it. */
export const payloadMarker: Buffer = opening;

/** The shortest payload. */
const minBytes = opening.length + digits + middle.length + closing.length;

/** JSON of exactly `bytes` bytes that carries a sequence number at a fixed place. */
export function payload(sequence: number, bytes: number): Buffer {
  if (bytes < minBytes) throw new RangeError(`a payload has at least ${minBytes} bytes, not ${bytes}`);
  const number = String(sequence).padStart(digits, '0');
  return Buffer.from(`${opening.toString()}${number}${middle}${'x'.repeat(bytes - minBytes)}${closing}`);
}

/** The number of a payload whose marker ends at `start`; −1 where there is none. Hot: once for every delivery. */
export function sequenceAt(bytes: Uint8Array, start: number): number {
  let sequence = 0;
  for (let index = start; index < start + digits; index++) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    sequence = sequence * 10 + digit;
  }
  return sequence;
}
