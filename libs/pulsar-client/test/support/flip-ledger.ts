// Which bit of which command a proxy flipped.
import { ByteReader } from '@pharos/bytes';
import type { LaneTap, ProxyDirection } from '@pharos/testkit';
import { decodeBaseCommand } from '../../src/wire/index.ts';

export interface Flip {
  readonly direction: ProxyDirection;
  /** `send.2 value`: the value of the field whose number is 2; `send magic`: of what follows the command. */
  readonly place: string;
  readonly mask: number;
  /** The command as it was sent, shortened. */
  readonly command: string;
}

/** Fields that are messages themselves. */
const nested: ReadonlySet<string> = new Set(['sendReceipt.3', 'message.2', 'ack.3', 'subscribe.9', 'producer.6']);
const brokerEntryMagic = 0x0e02;

/** Follows the frames of connections, and notes what is flipped in them. */
export class FlipLedger {
  readonly flips: Flip[] = [];

  readonly tap = (direction: ProxyDirection): LaneTap => {
    let frames: Buffer = Buffer.alloc(0);
    let start = 0;
    const waiting: { readonly at: number; readonly mask: number }[] = [];
    const note = (): void => {
      for (let [from, size] = [0, sizeAt(frames, 0)]; size > 0; from += size, size = sizeAt(frames, from)) {
        const frame = frames.subarray(from, from + size);
        const isIn = ({ at }: { readonly at: number }): boolean => at >= start + from && at < start + from + size;
        for (let index = waiting.findIndex(isIn); index >= 0; index = waiting.findIndex(isIn)) {
          for (const { at, mask } of waiting.splice(index, 1))
            this.flips.push(flipIn(direction, frame, at - start - from, mask));
        }
      }
    };
    return {
      bytes: (piece) => {
        note();
        for (let size = sizeAt(frames, 0); size > 0; size = sizeAt(frames, 0)) {
          frames = frames.subarray(size);
          start += size;
        }
        frames = Buffer.concat([frames, piece]);
      },
      flipped: (at, mask) => {
        waiting.push({ at, mask });
        note();
      },
    };
  };

  /** How often which place was hit. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { direction, place } of this.flips) {
      const name = `${direction} ${place}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }
}

/** Of the frame that begins there; 0: it isn't whole yet. */
function sizeAt(frames: Buffer, start: number): number {
  if (frames.length < start + 4) return 0;
  const size = 4 + frames.readUInt32BE(start);
  return frames.length < start + size ? 0 : size;
}

function flipIn(direction: ProxyDirection, frame: Buffer, at: number, mask: number): Flip {
  const command = decodeBaseCommand(new ByteReader(frame, 8, 8 + frame.readUInt32BE(4)));
  const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
  return {
    direction,
    place: placeIn(frame, at, command.type),
    mask,
    command: JSON.stringify(command, plain).slice(0, 300),
  };
}

function placeIn(frame: Buffer, at: number, type: string): string {
  if (at < 4) return `${type} total size`;
  if (at < 8) return `${type} command size`;
  const end = 8 + frame.readUInt32BE(4);
  if (at < end) return inMessage(frame, 8, end, { at, path: '', type });
  const magic = frame.readUInt16BE(end);
  const entry = magic === brokerEntryMagic ? end + 6 + frame.readUInt32BE(end + 2) : end;
  if (at < entry) return `${type} broker entry`;
  if (at < entry + 2) return `${type} magic`;
  return at < entry + 6 ? `${type} checksum` : `${type} checked`;
}

interface Sought {
  readonly at: number;
  /** Of the message; '': the frame's. */
  readonly path: string;
  readonly type: string;
}

/** Of the message that lies from `start` to `end`. */
function inMessage(frame: Buffer, start: number, end: number, { at, path, type }: Sought): string {
  for (let position = start; position < end; ) {
    const [tagEnd, tag] = varint(frame, position);
    const field = tag >>> 3;
    const outer = field === 1 ? `${type} type` : type;
    const name = path === '' ? outer : `${path}.${field}`;
    if (at < tagEnd) return `${name} tag`;
    const [valueEnd, value] = varint(frame, tagEnd);
    const isNumber = (tag & 7) === 0;
    if (at < valueEnd) return `${name} ${isNumber ? 'value' : 'length'}`;
    position = isNumber ? valueEnd : valueEnd + value;
    if (at >= position) continue;
    if (path !== '' && !nested.has(name)) return `${name} text`;
    return inMessage(frame, valueEnd, position, { at, path: name, type });
  }
  return `${type} outside`;
}

function varint(frame: Buffer, start: number): [end: number, value: number] {
  let value = 0;
  let factor = 1;
  for (let position = start; ; position++) {
    const byte = frame[position] ?? 0;
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte < 0x80) return [position + 1, value];
  }
}
