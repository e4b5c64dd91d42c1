/** Told what comes over a connection, in its order, and never from inside `open`. */
export interface LinkEvents {
  opened(): void;
  /** `bytes` between `start` and `end` are a message, valid until the function returns. */
  message(bytes: Buffer, start: number, end: number): void;
  /** It is over, or never was. Nothing follows. */
  closed(why: Error): void;
}

/** A connection to an edge, however it gets there. */
export interface Link {
  send(message: Buffer): void;
  /** Goes without a word. */
  drop(): void;
}

/** @throws what refuses it at once */
export type OpenLink = (events: LinkEvents) => Link;
