import type { Readable, Writable } from 'node:stream';

/** What a command has of the world outside. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Standard output, written in step with its reader. */
export class Output {
  readonly #stream: Writable;
  #closed = false;

  constructor(stream: Writable) {
    this.#stream = stream;
    // `| head` closes the pipe; without a listener that would end the process with a stack trace.
    stream.on('error', () => {
      this.#closed = true;
    });
  }

  /** Resolves when the stream took the bytes: true, or false where its reader has gone. */
  write(bytes: string | Uint8Array): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#stream.write(bytes, (error) => resolve(error === undefined || error === null));
    });
  }
}

/** A line on standard error, for people; output that was asked for goes to standard output. */
export function say(terminal: Terminal, text: string): void {
  terminal.stderr.write(`${text}\n`);
}

/** Resolves when the reader has what was written, or has gone: what a pipe hasn't taken is lost with the process. */
export function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}
