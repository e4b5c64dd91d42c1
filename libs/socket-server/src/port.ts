/**
 * The socket-server port: WebSocket and HTTP as the edge needs them. Two adapters implement it, `uws` and `ws`, and one
 * conformance suite holds both to what is said here.
 */

/** What a client sent ahead of its WebSocket or HTTP conversation. Valid beyond the callback that got it. */
export interface RequestHead {
  /** Upper case. */
  readonly method: string;
  /** Path without the query, percent-encoding untouched, beginning with `/`. */
  readonly path: string;
  /** Query without the `?`, percent-encoding untouched; empty where there is none. */
  readonly query: string;
  /** The named header's value (name in lower case), or the empty string. */
  header(name: string): string;
  /** The peer's IP address as text: IPv4 dotted, IPv6 without brackets. */
  readonly remoteAddress: string;
}

/** A WebSocket connection. Every method is harmless after the close: sends return `false`, numbers are 0. */
export interface Socket<Data> {
  /** The object that `upgrade` accepted the connection with. */
  readonly data: Data;
  readonly closed: boolean;
  /**
   * Sends one message. Never drops: what the peer doesn't take is buffered without bound, which is why the owner watches
   * `bufferedAmount()`. Returns `false` when the socket is closed.
   */
  send(message: string | Uint8Array, isBinary: boolean): boolean;
  /** Bytes accepted by `send` and `publish` that the kernel has not taken yet. */
  bufferedAmount(): number;
  /** Adds the socket to a topic of {@link SocketServer.publish}. `false` when closed. */
  subscribe(topic: string): boolean;
  /** `false` when closed or not subscribed. */
  unsubscribe(topic: string): boolean;
  /** Sends what is buffered, then a close frame. `close` of the handler is called once, in this call or soon after. */
  end(code: number, reason: string): void;
  /** Drops the connection at once, with whatever is buffered. */
  terminate(): void;
  /** Groups the writes that `write` makes into as few packets as possible. */
  cork(write: () => void): void;
  readonly remoteAddress: string;
}

/** What `upgrade` answers: take the connection with its data, or refuse it with an HTTP response. */
export type UpgradeDecision<Data> =
  | { readonly accept: Data; readonly protocol?: string }
  | { readonly refuse: HttpStatusAndBody };

export interface HttpStatusAndBody {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The WebSocket side of one route. All functions are called in the event loop's own turn, never concurrently for one socket. */
export interface WebSocketHandler<Data> {
  /** Decides in the same turn; may throw, which refuses with 500. */
  upgrade(head: RequestHead, offeredProtocols: readonly string[]): UpgradeDecision<Data>;
  open(socket: Socket<Data>): void;
  /** `message` is valid until the function returns: copy what is kept. Text messages are valid UTF-8. */
  message(socket: Socket<Data>, message: Buffer, isBinary: boolean): void;
  /** Buffered bytes went down. */
  drain?(socket: Socket<Data>): void;
  /** The last call for this socket. `code` is 1006 where no close frame came. */
  close(socket: Socket<Data>, code: number, reason: string): void;
}

export interface WebSocketRoute<Data> {
  /** An exact path, or `*` for every path that no other route takes. */
  readonly path: string;
  readonly handler: WebSocketHandler<Data>;
  /** A longer message closes the connection with 1009 (or drops it, where the adapter can't say so). */
  readonly maxPayloadBytes: number;
  /**
   * Seconds without a byte from the peer after which it is dropped; WebSocket pings keep a living peer from that.
   * 0: the owner of the route watches liveness itself.
   * @default 0
   */
  readonly idleTimeoutSeconds?: number;
}

export interface HttpRequest extends RequestHead {
  /** The whole body; rejects with `SocketServerError` `body-too-large` above `maxBytes`, or `aborted`. Call it in the handler's first turn. */
  body(maxBytes: number): Promise<Buffer>;
}

/** A response that can stream. Every method is harmless after the end or an abort. */
export interface HttpResponse {
  /** True once ended or aborted by the peer. */
  readonly closed: boolean;
  /** Called once if the peer goes away before `end`. */
  onAborted(callback: () => void): void;
  /** Status and headers; the body follows by `write` and `end`, chunked. At most once, before anything else. */
  begin(status: number, headers: Readonly<Record<string, string>>): void;
  /** Streams a part of the body. `false` when the peer doesn't keep up (it is buffered all the same) or has gone. */
  write(chunk: string | Uint8Array): boolean;
  /** Bytes of the body that the kernel has not taken yet. */
  bufferedAmount(): number;
  end(chunk?: string | Uint8Array): void;
  /** A whole response in one call. */
  respond(status: number, headers: Readonly<Record<string, string>>, body?: string | Uint8Array): void;
}

export interface HttpRoute {
  /** `GET` answers `HEAD` too. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';
  /** An exact path, or `*` for every path that no other route of the method takes. */
  readonly path: string;
  /** A promise that rejects, or a throw, is answered with 500 where nothing was sent yet. */
  handle(request: HttpRequest, response: HttpResponse): void | Promise<void>;
}

export interface SocketServerOptions {
  /** Told of what is neither a caller's mistake nor a client's: a handler that threw, for instance. */
  readonly onError?: (error: unknown, context: string) => void;
  /** Lets several processes share the port. @default false */
  readonly reusePort?: boolean;
}

export interface SocketServer {
  readonly implementation: 'uws' | 'ws';
  /** Before `listen`. */
  webSocket<Data>(route: WebSocketRoute<Data>): void;
  /** Before `listen`. Unknown paths are 404, known ones with another method 405, upgrades where no WebSocket route is 404. */
  http(route: HttpRoute): void;
  /**
   * @param port 0 lets the system choose.
   * @returns the port
   * @throws SocketServerError `address-in-use`, `listen-failed`
   */
  listen(host: string, port: number): Promise<number>;
  /** Sends one message to every socket of a topic, in order with their other sends of this turn. Never drops. */
  publish(topic: string, message: string | Uint8Array, isBinary: boolean): void;
  /** How many sockets a topic has. */
  subscribers(topic: string): number;
  /** Refuses new connections; those that exist go on. */
  pauseAccepting(): void;
  /** Drops every connection and frees the port. */
  stop(): Promise<void>;
}
