import { SocketServerError } from '../errors.ts';
import type { HttpRequest } from '../port.ts';
import { Head } from './head.ts';

/** Gathers a request body up to a limit; adapters feed it. */
export class BodyCollector {
  readonly promise: Promise<Buffer>;
  readonly #maxBytes: number;
  readonly #parts: Buffer[] = [];
  #bytes = 0;
  #settled = false;
  #timer: NodeJS.Timeout | undefined;
  #resolve!: (body: Buffer) => void;
  #reject!: (error: SocketServerError) => void;

  constructor(maxBytes: number, timeoutMs?: number) {
    this.#maxBytes = maxBytes;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.#tooLate(timeoutMs), timeoutMs);
  }

  /** @param part copied: the adapter may reuse it. */
  push(part: Uint8Array): void {
    if (this.#settled) return;
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) this.tooLarge();
    else if (part.length > 0) this.#parts.push(Buffer.from(part));
  }

  end(): void {
    if (!this.#settle()) return;
    this.#resolve(Buffer.concat(this.#parts));
  }

  abort(): void {
    this.#fail(new SocketServerError('aborted', 'the peer went away before the request body was complete'));
  }

  /** The announced or received length is over the limit; what still comes is let go. */
  tooLarge(): void {
    this.#fail(
      new SocketServerError('body-too-large', `request body too large: expected at most ${this.#maxBytes} bytes`),
    );
  }

  #tooLate(timeoutMs: number): void {
    this.#fail(
      new SocketServerError('body-timeout', `request body too slow: expected all of it within ${timeoutMs} ms`),
    );
  }

  #fail(error: SocketServerError): void {
    if (!this.#settle()) return;
    this.#parts.length = 0;
    this.#reject(error);
  }

  /** False where it was already. */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    return true;
  }
}

/** Starts feeding a collector from the adapter's own request. */
export type BodySource = (collector: BodyCollector) => void;

/** The body that a request still has to come: let go when it is had or not wanted, since a response may go on for hours. */
export class PendingBody {
  #source: BodySource | undefined;
  #collector: BodyCollector | undefined;

  constructor(source: BodySource) {
    this.#source = source;
  }

  /** @param announcedBytes NaN where the request doesn't say */
  async take(maxBytes: number, timeoutMs: number | undefined, announcedBytes: number): Promise<Buffer> {
    const source = this.#source;
    if (source === undefined) {
      throw new SocketServerError(
        'body-unavailable',
        'the request body can be asked for once, in the first turn of the handler',
      );
    }
    this.#source = undefined;
    const collector = new BodyCollector(maxBytes, timeoutMs);
    this.#collector = collector;
    source(collector);
    if (announcedBytes > maxBytes) collector.tooLarge();
    try {
      return await collector.promise;
    } finally {
      this.#collector = undefined;
    }
  }

  /** The handler's first turn is over: from now on parts of the body pass by unread. */
  endFirstTurn(): void {
    this.#source = undefined;
  }

  abort(): void {
    this.#collector?.abort();
  }
}

/** A request as handlers see it: its head, and its body once. */
export class IncomingRequest extends Head implements HttpRequest {
  readonly pending: PendingBody;

  constructor(
    method: string,
    path: string,
    query: string,
    headers: readonly string[],
    remoteAddress: string,
    source: BodySource,
  ) {
    super(method, path, query, headers, remoteAddress);
    this.pending = new PendingBody(source);
  }

  body(maxBytes: number, timeoutMs?: number): Promise<Buffer> {
    return this.pending.take(maxBytes, timeoutMs, Number(this.header('content-length') || Number.NaN));
  }
}
