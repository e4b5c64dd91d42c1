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

  /** False where it is full. @param bytes what the command keeps in memory */
  put(command: Command, bytes: number): boolean {
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
