import type { SeatSocket } from './seat-socket.ts';

/** Told what a server has for the client of a seat, in its order, and never from inside a call of the client's. */
export interface SeatClient {
  /** The server has taken it. */
  opened(): void;
  /** `message` may be many clients': it is only to be read. */
  message(message: Buffer, isBinary: boolean): void;
  /** Nothing follows. 1006: the connection was dropped. */
  closed(code: number, reason: string): void;
}

/** The client's half of a connection without a socket. Every method is harmless after the end. */
export class Seat {
  readonly #socket: SeatSocket;

  constructor(socket: SeatSocket) {
    this.#socket = socket;
  }

  /** @param isBinary a string is sent as UTF-8 either way @default false */
  send(message: string | Uint8Array, isBinary = false): void {
    this.#socket.sentByClient(Buffer.from(message), isBinary);
  }

  /** Says good-bye, behind what was sent; the client's `closed` is told when the server has taken it. @param code @default 1005: none is said */
  close(code = 1005, reason = ''): void {
    this.#socket.closedByClient(code, reason);
  }

  /** Goes without a word, and is told nothing any more: the server sees 1006. */
  drop(): void {
    this.#socket.droppedByClient();
  }
}
