import { CliError } from './errors.ts';

const LF = 0x0a;
const CR = 0x0d;

/**
 * Cuts a stream of bytes into lines, without their LF or CRLF. Bytes are passed on as they are, whether UTF-8 or not;
 * an empty line is a line; a last line needs no line end.
 */
export class LineSplitter {
  readonly #maxLineBytes: number;
  /** The beginning of a line whose end hasn't come. */
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #lines = 0;

  constructor(options: { readonly maxLineBytes: number }) {
    this.#maxLineBytes = options.maxLineBytes;
  }

  /** The lines that end in `chunk`, one by one, so that those before a line that is too long still come out. Views of `chunk` where a line lies in it whole. */
  *push(chunk: Buffer): Generator<Buffer, void, undefined> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LF, start);
      if (end === -1) break;
      const line = this.#complete(chunk.subarray(start, end));
      start = end + 1;
      yield line.at(-1) === CR ? line.subarray(0, -1) : line;
    }
    this.#keep(chunk.subarray(start));
  }

  /** The last line where it has no line end. */
  end(): Buffer | undefined {
    return this.#partsBytes === 0 ? undefined : this.#complete(Buffer.alloc(0));
  }

  #complete(tail: Buffer): Buffer {
    this.#keep(tail);
    const line = this.#parts.length === 1 ? this.#parts[0] : undefined;
    const whole = line ?? Buffer.concat(this.#parts, this.#partsBytes);
    this.#parts = [];
    this.#partsBytes = 0;
    this.#lines++;
    return whole;
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#partsBytes += part.length;
    // One byte of grace for the CR that may be the line's last.
    if (this.#partsBytes > this.#maxLineBytes + 1) {
      const message = `line ${this.#lines + 1} is longer than ${this.#maxLineBytes} bytes, the most that a message holds`;
      throw new CliError('line-too-long', message);
    }
    this.#parts.push(part);
  }
}
