export interface OutgoingMessage {
  readonly id: number;
  readonly room: string;
  readonly text: string;
  readonly state: 'sending' | 'failed';
  /** Why it failed, as a sentence. */
  readonly problem: string;
}

/** Most messages that wait at once in one tab, against a key that is held down on a dead connection. */
export const MAX_OUTGOING = 20;
/** Bytes of one message's JSON: below the 64 KiB at which a server closes the connection. */
export const MAX_MESSAGE_BYTES = 60_000;

/** What was sent and isn't acknowledged yet, and what failed and waits for the user. */
export class Outbox {
  readonly #messages = new Map<number, OutgoingMessage>();
  #nextId = 1;

  get isFull(): boolean {
    return this.#messages.size >= MAX_OUTGOING;
  }

  of(room: string): OutgoingMessage[] {
    return [...this.#messages.values()].filter((message) => message.room === room);
  }

  get(id: number): OutgoingMessage | undefined {
    return this.#messages.get(id);
  }

  /** Call only while the outbox isn't full. */
  add(room: string, text: string): OutgoingMessage {
    if (this.isFull) throw new RangeError(`The outbox holds ${MAX_OUTGOING} messages already`);
    const message: OutgoingMessage = { id: this.#nextId++, room, text, state: 'sending', problem: '' };
    this.#messages.set(message.id, message);
    return message;
  }

  fail(id: number, problem: string): void {
    const message = this.#messages.get(id);
    if (message !== undefined) this.#messages.set(id, { ...message, state: 'failed', problem });
  }

  remove(id: number): void {
    this.#messages.delete(id);
  }

  removeRoom(room: string): void {
    for (const message of this.of(room)) this.#messages.delete(message.id);
  }
}

/** Size in bytes of a chat message's JSON, as it counts against MAX_MESSAGE_BYTES. */
export function messageBytes(name: string, text: string): number {
  return new TextEncoder().encode(JSON.stringify({ name, text })).length;
}

/** Codes of the SDK (below 100) and of the server after which nobody knows whether the message was published. */
const UNKNOWN_OUTCOME = new Set([1, 2, 3, 4, 10, 11, 100]);

/** Says why a publish failed. Where the outcome is unknown it says so: trying again may then send the message twice. */
export function describePublishError(error: unknown): string {
  const { code, message } = readError(error);
  if (UNKNOWN_OUTCOME.has(code)) {
    return `No confirmation came back (${message}): it may have been sent, and sending again may send it twice.`;
  }
  if (code === 103) return 'Not sent: you may not write to this room.';
  if (code === 111) return 'Not sent: too many messages in a short time. Wait a moment.';
  return `Not sent: ${message} (code ${code}).`;
}

function readError(error: unknown): { code: number; message: string } {
  if (typeof error !== 'object' || error === null) return { code: 0, message: String(error) };
  const code = 'code' in error && typeof error.code === 'number' ? error.code : 0;
  const message = 'message' in error && typeof error.message === 'string' ? error.message : 'unknown error';
  return { code, message };
}
