import { type FrameHandler, FrameReader } from './frames.ts';

const endOfHead = Buffer.from('\r\n\r\n');

/** The request that asks for a WebSocket. Who answers isn't in doubt in tests, so one key does for all. @param host with its port */
export function upgradeRequest(host: string, path: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    Host: host,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'cGhhcm9zIGxvYWQgdGVzdA==',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** Told of what a server sends, in its order. */
export interface ServerStreamHandler {
  opened(): void;
  /** Nothing follows. @param status the first line of the answer */
  refused(status: string): void;
  readonly frame: FrameHandler;
}

/** What a server sends to a client: its answer to the upgrade, then frames. */
export class ServerStream {
  readonly #handler: ServerStreamHandler;
  readonly #frames: FrameReader;
  /** Undefined once it is over. */
  #head: Buffer | undefined = Buffer.alloc(0);
  #isRefused = false;

  constructor(handler: ServerStreamHandler, isLenient = false) {
    this.#handler = handler;
    this.#frames = new FrameReader(isLenient);
  }

  /** Takes bytes off the socket, which stay the caller's. @throws SyntaxError as a FrameReader */
  read(bytes: Buffer): void {
    if (this.#head === undefined) {
      if (!this.#isRefused) this.#frames.read(bytes, this.#handler.frame);
      return;
    }
    const head = Buffer.concat([this.#head, bytes]);
    const end = head.indexOf(endOfHead);
    this.#head = end < 0 ? head : undefined;
    if (end < 0) return;
    const status = head.toString('latin1', 0, head.indexOf('\r\n'));
    if (!status.startsWith('HTTP/1.1 101 ')) {
      this.#isRefused = true;
      return this.#handler.refused(status);
    }
    this.#handler.opened();
    this.#frames.read(head.subarray(end + endOfHead.length), this.#handler.frame);
  }
}
