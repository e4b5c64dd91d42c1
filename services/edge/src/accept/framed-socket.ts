import type { Socket } from '@pharos/socket-server';

import type { Framing, Relay, Relayed } from '../outbound/relay.ts';

/** Where the frames of a connection go. */
export interface Pipe {
  readonly remoteAddress: string;
  write(frame: Buffer): void;
  bufferedAmount(): number;
  /** Ends it once what was written is out. */
  end(code: number, reason: string): void;
  /** Drops it with what is buffered. */
  drop(): void;
}

export interface FramedSocketOptions<Data> {
  readonly data: Data;
  readonly pipe: Pipe;
  readonly framing: Framing;
  readonly relay: Relay;
  /** The last message before the end: on these connections nothing else says why. */
  readonly farewell: (code: number, reason: string) => Buffer;
  /** Called once: with what `end` was told, or 1006 where it just went. */
  readonly onClosed: (code: number) => void;
}

/** A connection that isn't a WebSocket of the protocol, to be used as one by a session. */
export class FramedSocket<Data> implements Socket<Data>, Relayed {
  readonly data: Data;
  readonly framing: Framing;
  readonly #options: FramedSocketOptions<Data>;
  #closed = false;

  constructor(options: FramedSocketOptions<Data>) {
    this.data = options.data;
    this.framing = options.framing;
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get remoteAddress(): string {
    return this.#options.pipe.remoteAddress;
  }

  send(message: string | Uint8Array): boolean {
    if (this.#closed) return false;
    this.write(this.framing.frames(bytesOf(message)));
    return true;
  }

  write(frames: readonly Buffer[]): void {
    if (this.#closed) return;
    for (const frame of frames) this.#options.pipe.write(frame);
  }

  bufferedAmount(): number {
    return this.#closed ? 0 : this.#options.pipe.bufferedAmount();
  }

  subscribe(topic: string): boolean {
    if (this.#closed) return false;
    this.#options.relay.subscribe(this, topic);
    return true;
  }

  unsubscribe(topic: string): boolean {
    return this.#closed ? false : this.#options.relay.unsubscribe(this, topic);
  }

  cork(write: () => void): void {
    if (!this.#closed) write();
  }

  end(code: number, reason: string): void {
    if (this.#closed) return;
    const { pipe, farewell } = this.#options;
    this.write(this.framing.frames(farewell(code, reason)));
    this.finish(code);
    pipe.end(code, reason);
  }

  terminate(): void {
    if (this.#closed) return;
    this.finish(1006);
    this.#options.pipe.drop();
  }

  /** It is over for its owner, once, whoever ended it. */
  finish(code: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.relay.unsubscribeAll(this);
    this.#options.onClosed(code);
  }
}

function bytesOf(message: string | Uint8Array): Buffer {
  if (typeof message === 'string') return Buffer.from(message);
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}
