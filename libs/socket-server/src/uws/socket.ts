import type { WebSocket } from 'uWebSockets.js';
import { checkCloseCode, fitReason } from '../common/closing.ts';
import type { Socket } from '../port.ts';
import type { Attachment, LingeringSockets } from './lingering.ts';
import { toNative } from './text.ts';

/** What a socket needs of its server, one object for all of a route's sockets. */
export interface UwsRouteContext {
  readonly lingering: LingeringSockets;
  /** Shorter messages are sent as they are. */
  readonly compressFrom: number;
  /** True while the server drops everything: closing sockets from inside that walk would break it. */
  isStopping(): boolean;
  closed(socket: UwsSocket<unknown>, code: number, reason: string): void;
}

/**
 * One connection. Kept small, because there may be a million of them: four fields, no closure, no map.
 *
 * uWebSockets.js throws on any call after the close, and calls `close` from inside `end` and `terminate`; so the native
 * object is let go the moment that the owner must not reach it any more.
 */
export class UwsSocket<Data> implements Socket<Data> {
  readonly data: Data;
  readonly remoteAddress: string;
  readonly #context: UwsRouteContext;
  #ws: WebSocket<Attachment<unknown>> | undefined;

  constructor(data: Data, remoteAddress: string, context: UwsRouteContext) {
    this.data = data;
    this.remoteAddress = remoteAddress;
    this.#context = context;
    this.#ws = undefined;
  }

  opened(ws: WebSocket<Attachment<unknown>>): void {
    this.#ws = ws;
  }

  /** Forgets the native object; true the first time. */
  release(): boolean {
    if (this.#ws === undefined) return false;
    this.#ws = undefined;
    return true;
  }

  get closed(): boolean {
    return this.#ws === undefined;
  }

  send(message: string | Uint8Array, isBinary: boolean): boolean {
    if (this.#ws === undefined) return false;
    this.#ws.send(toNative(message), isBinary, message.length >= this.#context.compressFrom);
    return true;
  }

  bufferedAmount(): number {
    return this.#ws === undefined ? 0 : this.#ws.getBufferedAmount();
  }

  subscribe(topic: string): boolean {
    return this.#ws === undefined ? false : this.#ws.subscribe(toNative(topic));
  }

  unsubscribe(topic: string): boolean {
    return this.#ws === undefined ? false : this.#ws.unsubscribe(toNative(topic));
  }

  cork(write: () => void): void {
    this.#ws?.cork(write);
  }

  end(code: number, reason: string): void {
    checkCloseCode(code);
    const ws = this.#ws;
    if (ws === undefined || this.#context.isStopping()) return;
    const fitted = fitReason(reason);
    if (ws.getBufferedAmount() === 0) {
      ws.end(code, toNative(fitted));
      return;
    }
    for (const topic of ws.getTopics()) ws.unsubscribe(toNative(topic));
    this.#ws = undefined;
    this.#context.lingering.add(ws, code, fitted);
    this.#context.closed(this, code, fitted);
  }

  terminate(): void {
    if (this.#context.isStopping()) return;
    this.#ws?.close();
  }
}
