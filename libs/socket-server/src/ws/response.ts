import type { ServerResponse } from 'node:http';
import type { EndedResponses } from '../common/ended-responses.ts';
import type { AdapterResponse } from '../common/handle-http.ts';
import { checkResponseHead, isBodiless } from '../common/response-head.ts';
import { SocketServerError } from '../errors.ts';

/** As uWebSockets.js has it: a reader that takes nothing for this long is dropped. */
const STALLED_READER_MS = 10_000;

/** A response of Node's HTTP server. */
export class WsHttpResponse implements AdapterResponse {
  readonly #res: ServerResponse;
  readonly #headOnly: boolean;
  readonly #endedResponses: EndedResponses;
  #started = false;
  #ended = false;
  #aborted = false;
  #onAborted: (() => void) | undefined;
  readonly #dropStalled = (): void => this.abort();

  constructor(res: ServerResponse, headOnly: boolean, ended: EndedResponses) {
    this.#res = res;
    this.#headOnly = headOnly;
    this.#endedResponses = ended;
    const { socket } = res;
    const gone = (): void => {
      // The connection may go on to the next request.
      socket?.off('timeout', this.#dropStalled);
      res.req.socket.off('close', gone);
      ended.delete(this);
      this.#peerLeft();
    };
    res.on('close', gone);
    // A request that was sent behind another: until that is answered, Node says nothing of the connection to its response.
    if (socket === null) res.req.socket.setMaxListeners(0).on('close', gone);
    res.on('drain', () => socket?.setTimeout(0));
    socket?.on('timeout', this.#dropStalled);
    // A write that meets a dead connection; 'close' follows and says it to the owner.
    res.on('error', () => undefined);
  }

  get started(): boolean {
    return this.#started;
  }

  get closed(): boolean {
    return this.#ended || this.#aborted;
  }

  onAborted(callback: () => void): void {
    if (this.#aborted) queueMicrotask(callback);
    else this.#onAborted = callback;
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string | Uint8Array = ''): void {
    if (!this.#start(status, headers)) return;
    this.#ended = true;
    if (isBodiless(status)) {
      this.#res.writeHead(status, headers).end();
      return;
    }
    this.#res.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
    this.#res.end(this.#headOnly ? undefined : body);
  }

  respondAndClose(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    const { socket } = this.#res;
    this.#res.shouldKeepAlive = false;
    this.#res.once('finish', () => socket?.destroySoon());
    this.respond(status, headers, body);
  }

  begin(status: number, headers: Readonly<Record<string, string>>): void {
    if (!this.#start(status, headers)) return;
    this.#res.writeHead(status, headers);
    if (!this.#headOnly && !isBodiless(status)) return;
    this.#res.end();
    // Nothing more will be read: for whoever feeds the body that is the same as a peer that left.
    this.#peerLeft();
  }

  write(chunk: string | Uint8Array): boolean {
    if (this.closed) return false;
    this.#mustHaveStarted();
    if (chunk.length === 0) return !this.#res.writableNeedDrain;
    const taken = this.#res.write(ownedBytes(chunk));
    if (!taken) this.#res.socket?.setTimeout(STALLED_READER_MS);
    return taken;
  }

  bufferedAmount(): number {
    return this.closed ? 0 : this.#res.writableLength;
  }

  end(chunk?: string | Uint8Array): void {
    if (this.closed) return;
    this.#mustHaveStarted();
    this.#ended = true;
    this.#endedResponses.add(this);
    this.#res.end(chunk === undefined ? undefined : ownedBytes(chunk));
  }

  abort(): void {
    this.#res.destroy();
    if (this.#res.socket === null) this.#res.req.socket.destroy();
  }

  #start(status: number, headers: Readonly<Record<string, string>>): boolean {
    if (this.closed) return false;
    if (this.#started) throw new SocketServerError('response-started', 'the response has already been begun');
    checkResponseHead(status, headers);
    this.#started = true;
    return true;
  }

  #mustHaveStarted(): void {
    if (!this.#started) throw new SocketServerError('response-started', 'begin the response before its body');
  }

  #peerLeft(): void {
    if (this.closed) return;
    this.#aborted = true;
    this.#onAborted?.();
  }
}

/** Node keeps a chunk until it is sent, while the caller may reuse its buffer at once. */
function ownedBytes(chunk: string | Uint8Array): string | Buffer {
  return typeof chunk === 'string' ? chunk : Buffer.from(chunk);
}
