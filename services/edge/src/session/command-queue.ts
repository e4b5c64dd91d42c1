import type { Command } from '@pharos/client-protocol';

/** Commands of a connection that wait for one before them: for who it is, or for the application's backend. */
export class CommandQueue {
  readonly #maxCommands: number;
  readonly #maxBytes: number;
  #commands: { readonly command: Command; readonly bytes: number }[] = [];
  #bytes = 0;

  constructor(maxCommands: number, maxBytes: number) {
    this.#maxCommands = maxCommands;
    this.#maxBytes = maxBytes;
  }

  /** False where it is full. */
  put(command: Command): boolean {
    const bytes = bytesOf(command);
    if (this.#commands.length >= this.#maxCommands || this.#bytes + bytes > this.#maxBytes) return false;
    this.#commands.push({ command, bytes });
    this.#bytes += bytes;
    return true;
  }

  take(): Command | undefined {
    const next = this.#commands.shift();
    this.#bytes -= next?.bytes ?? 0;
    return next?.command;
  }

  clear(): void {
    this.#commands = [];
    this.#bytes = 0;
  }
}

/** What each part of a command takes beside its bytes. */
const partBytes = 32;

/** What a command keeps in memory, near enough: by itself, since others of its frame may be carried out at once. */
function bytesOf(part: unknown): number {
  if (typeof part === 'string' || part instanceof Uint8Array) return partBytes + part.length;
  if (typeof part !== 'object' || part === null) return 0;
  let bytes = partBytes;
  for (const inner of part instanceof Map ? [...part].flat() : Object.values(part)) bytes += bytesOf(inner);
  return bytes;
}
