import type { HttpResponse as NativeResponse } from 'uWebSockets.js';
import type { EndedResponses } from '../common/ended-responses.ts';
import type { AdapterResponse } from '../common/handle-http.ts';
import { checkResponseHead, isBodiless, statusLine } from '../common/response-head.ts';
import { SocketServerError } from '../errors.ts';
import { toNative } from './text.ts';

/** Fits the library's 16 KiB cork buffer together with the chunk's own header: one system call a slice. */
const SLICE_BYTES = 15 * 1024;

/** What a response needs of its app, one object for all of them. */
export interface UwsResponseContext {
  readonly ended: EndedResponses;
  /** One more that holds its connection. */
  opened(): void;
  /** It doesn't any more. */
  left(): void;
}

/**
 * A response of uWebSockets.js.
 *
 * The library tells only that a write met backpressure, not how much is waiting, so a streamed body is handed over in
 * slices and the rest waits here where it can be counted; what the library itself holds is then a slice or two.
 */
export class UwsResponse implements AdapterResponse {
  readonly #headOnly: boolean;
  readonly #context: UwsResponseContext;
  #res: NativeResponse | undefined;
  #started = false;
  #ending = false;
  #aborted = false;
  #onAborted: (() => void) | undefined;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** Size of the slice that met backpressure; 0 while the peer keeps up. */
  #stalledBytes = 0;

  constructor(res: NativeResponse, headOnly: boolean, context: UwsResponseContext) {
    this.#res = res;
    this.#headOnly = headOnly;
    this.#context = context;
    context.opened();
  }

  get started(): boolean {
    return this.#started;
  }

  get closed(): boolean {
    return this.#ending || this.#res === undefined;
  }

  onAborted(callback: () => void): void {
    if (this.#aborted) queueMicrotask(callback);
    else this.#onAborted = callback;
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string | Uint8Array = ''): void {
    this.#respond(status, headers, body, false);
  }

  respondAndClose(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    this.#respond(status, headers, body, true);
  }

  begin(status: number, headers: Readonly<Record<string, string>>): void {
    const res = this.#start(status, headers);
    if (res === undefined) return;
    if (this.#headOnly || isBodiless(status)) {
      res.cork(() => {
        writeHead(res, status, headers);
        res.endWithoutBody();
      });
      // Nothing more will be read: for whoever feeds the body that is the same as a peer that left.
      this.nativeAborted();
      return;
    }
    res.onWritable(() => {
      this.#stalledBytes = 0;
      this.#flush(res);
      return true;
    });
    res.cork(() => writeHead(res, status, headers));
  }

  write(chunk: string | Uint8Array): boolean {
    if (this.#res === undefined || this.#ending) return false;
    this.#mustHaveStarted();
    this.#write(this.#res, chunk);
    return this.#stalledBytes === 0;
  }

  bufferedAmount(): number {
    return this.#res === undefined ? 0 : this.#queuedBytes + this.#stalledBytes;
  }

  end(chunk?: string | Uint8Array): void {
    if (this.#res === undefined || this.#ending) return;
    this.#mustHaveStarted();
    if (chunk !== undefined) this.#write(this.#res, chunk);
    this.#ending = true;
    if (!this.#finishWhenFlushed(this.#res)) this.#context.ended.add(this);
  }

  abort(): void {
    // The library calls its abort handler, which is nativeAborted below.
    this.#res?.close();
  }

  /** The library's own word that the connection is gone. */
  nativeAborted(): void {
    if (this.#res === undefined) return;
    this.#release();
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#context.ended.delete(this);
    if (this.#ending) return;
    this.#aborted = true;
    this.#onAborted?.();
  }

  #respond(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: string | Uint8Array,
    closes: boolean,
  ): void {
    const res = this.#start(status, headers);
    if (res === undefined) return;
    this.#release();
    res.cork(() => {
      writeHead(res, status, headers);
      if (isBodiless(status)) res.endWithoutBody();
      else if (this.#headOnly) res.endWithoutBody(Buffer.byteLength(body), closes);
      else res.end(toNative(body), closes);
    });
  }

  #start(status: number, headers: Readonly<Record<string, string>>): NativeResponse | undefined {
    if (this.#res === undefined || this.#ending) return undefined;
    if (this.#started) throw new SocketServerError('response-started', 'the response has already been begun');
    checkResponseHead(status, headers);
    this.#started = true;
    return this.#res;
  }

  #mustHaveStarted(): void {
    if (!this.#started) throw new SocketServerError('response-started', 'begin the response before its body');
  }

  #write(res: NativeResponse, chunk: string | Uint8Array): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    let sent = 0;
    while (sent < bytes.length && this.#queue.length === 0 && this.#stalledBytes === 0) {
      const slice = bytes.subarray(sent, sent + SLICE_BYTES);
      sent += slice.length;
      this.#writeSlice(res, slice);
    }
    if (sent === bytes.length) return;
    // A copy: the caller may reuse its buffer.
    const rest = Buffer.from(bytes.subarray(sent));
    this.#queue.push(rest);
    this.#queuedBytes += rest.length;
  }

  #writeSlice(res: NativeResponse, slice: Uint8Array): void {
    res.cork(() => {
      if (!res.write(slice)) this.#stalledBytes = slice.length;
    });
  }

  #flush(res: NativeResponse): void {
    // With a handler for writability the library no longer drains by itself; leaving a cork does.
    if (this.#queue.length === 0) res.cork(() => undefined);
    let taken = 0;
    for (; taken < this.#queue.length && this.#stalledBytes === 0; taken++) {
      const bytes = this.#queue[taken];
      if (bytes === undefined) break;
      const slice = bytes.subarray(0, SLICE_BYTES);
      this.#writeSlice(res, slice);
      this.#queuedBytes -= slice.length;
      if (slice.length < bytes.length) {
        this.#queue[taken] = bytes.subarray(slice.length);
        taken--;
      }
    }
    this.#queue.splice(0, taken);
    this.#finishWhenFlushed(res);
  }

  /** Whether it was finished. */
  #finishWhenFlushed(res: NativeResponse): boolean {
    // Not while a slice waits in the library, which tells nobody when it has gone after the end.
    if (!this.#ending || this.#queue.length > 0 || this.#stalledBytes > 0) return false;
    this.#release();
    this.#context.ended.delete(this);
    res.cork(() => res.end());
    return true;
  }

  #release(): void {
    this.#res = undefined;
    this.#context.left();
  }
}

function writeHead(res: NativeResponse, status: number, headers: Readonly<Record<string, string>>): void {
  res.writeStatus(statusLine(status));
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) res.writeHeader(name, toNative(value));
  }
}
