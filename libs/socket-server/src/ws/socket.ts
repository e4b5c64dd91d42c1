import type { Socket as TcpSocket } from 'node:net';
import { WebSocket } from 'ws';
import { checkCloseCode, fitReason } from '../common/closing.ts';
import type { Socket } from '../port.ts';
import type { Topics } from '../common/topics.ts';
import { compressedFrame, dataFrame } from './frame.ts';

/** What a socket needs of its server, one object for all of a route's sockets. */
export interface WsRouteContext {
  readonly topics: Topics<WsSocket<unknown>>;
  /** Shorter messages are sent as they are. */
  readonly compressFrom: number;
  /** Lets go what the turn has gathered, at its end. */
  flushLater(socket: WsSocket<unknown>): void;
  /** The connection is over, as far as its owner is concerned. */
  closed(socket: WsSocket<unknown>, code: number, reason: string): void;
}

/**
 * One connection. The library reads and closes it; data frames are made here and written to the TCP socket directly, so
 * that a published frame is made once for all of its receivers.
 */
export class WsSocket<Data> implements Socket<Data> {
  readonly data: Data;
  readonly remoteAddress: string;
  /** Whether the client takes compressed messages. */
  readonly compresses: boolean;
  readonly #ws: WebSocket;
  readonly #tcp: TcpSocket;
  readonly #context: WsRouteContext;
  #ended = false;
  #corked = false;

  constructor(data: Data, remoteAddress: string, ws: WebSocket, tcp: TcpSocket, context: WsRouteContext) {
    this.data = data;
    this.remoteAddress = remoteAddress;
    this.#ws = ws;
    this.compresses = ws.extensions !== '';
    this.#tcp = tcp;
    this.#context = context;
  }

  /** Also once the peer has asked to close: after the close frame that answers it nothing may follow. */
  get closed(): boolean {
    return this.#ended || this.#ws.readyState !== WebSocket.OPEN;
  }

  send(message: string | Uint8Array, isBinary: boolean): boolean {
    if (this.closed) return false;
    const short = this.compresses && message.length >= this.#context.compressFrom && compressedFrame(message, isBinary);
    this.writeFrame(short || dataFrame(message, isBinary));
    return true;
  }

  /** Writes a whole frame; frames of one turn leave together. */
  writeFrame(frame: Buffer): void {
    if (!this.#corked) {
      this.#corked = true;
      this.#tcp.cork();
      this.#context.flushLater(this);
    }
    this.#tcp.write(frame);
  }

  flush(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#tcp.uncork();
  }

  bufferedAmount(): number {
    return this.closed ? 0 : this.#tcp.writableLength;
  }

  subscribe(topic: string): boolean {
    if (this.closed) return false;
    this.#context.topics.subscribe(this, topic);
    return true;
  }

  unsubscribe(topic: string): boolean {
    return this.closed ? false : this.#context.topics.unsubscribe(this, topic);
  }

  cork(write: () => void): void {
    // Writes of one turn leave together anyway.
    if (!this.closed) write();
  }

  end(code: number, reason: string): void {
    checkCloseCode(code);
    if (this.closed) return;
    const fitted = fitReason(reason);
    this.flush();
    this.#ws.close(code, fitted);
    this.finish(code, fitted);
  }

  terminate(): void {
    if (this.#ended) return;
    this.#ws.terminate();
    this.finish(1006, '');
  }

  /** Ends it for the owner, once; the TCP connection may live on until the peer has answered or its time is up. */
  finish(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.flush();
    this.#context.topics.unsubscribeAll(this);
    this.#context.closed(this, code, reason);
  }

  /** Drops what is left of the connection, ended or not. */
  destroy(): void {
    this.#ws.terminate();
    this.finish(1006, '');
  }

  /** Bytes that the peer has sent so far. */
  get bytesRead(): number {
    return this.#tcp.bytesRead;
  }

  ping(): void {
    if (!this.closed) this.#ws.ping();
  }
}
