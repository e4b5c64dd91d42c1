import type { TrustedProxies } from './common/trusted-proxies.ts';

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
  /** The client's IP address as text, IPv4 dotted, IPv6 without brackets: the peer's, or what a trusted proxy says. */
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
  /**
   * Bytes accepted by `send` and `publish` that the kernel has not taken yet. What was published in this turn of the
   * event loop may not be counted before the next.
   */
  bufferedAmount(): number;
  /** Adds the socket to a topic of {@link SocketServer.publish}. `false` when closed. */
  subscribe(topic: string): boolean;
  /** `false` when closed or not subscribed. */
  unsubscribe(topic: string): boolean;
  /**
   * Sends what is buffered, then a close frame; a peer that doesn't take it within `closeTimeoutMs` is dropped. For the
   * owner it is over at once: `close` of the handler is called in this call, with this code and reason.
   *
   * @param reason cut to the 123 bytes that a close frame holds
   * @throws SocketServerError `invalid-close-code`
   */
  end(code: number, reason: string): void;
  /** Drops the connection at once, with whatever is buffered; `close` of the handler is called in this call, with 1006. */
  terminate(): void;
  /** Calls `write` at once and groups what it sends into as few packets as possible. Not called when closed. */
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
  /** Buffered bytes went down. A handler's throw, here as in the other functions, closes the connection with 1011. */
  drain?(socket: Socket<Data>): void;
  /**
   * The last call for this socket. `code` is the peer's or that of `end`; 1006 where the connection just went; 1007 or
   * 1009 where the server ended it for the peer's mistake, and 1002 for a malformed frame, which `uws` can't tell from
   * 1006. `ws` tells the peer, too; `uws` only of messages up to twice the limit: otherwise uWebSockets.js drops the
   * connection without a close frame.
   */
  close(socket: Socket<Data>, code: number, reason: string): void;
}

export interface WebSocketRoute<Data> {
  /** An exact path without `:`, `*`, `?` and `#`, or `*` for every path that no other route takes. */
  readonly path: string;
  readonly handler: WebSocketHandler<Data>;
  /** A longer message closes the connection with 1009, or drops it (see `close`). From 1 to 2^30. */
  readonly maxPayloadBytes: number;
  /**
   * Seconds without a byte from the peer after which it is dropped; WebSocket pings, sent 4 to 16 s earlier, keep a
   * living peer from that. From 8 to 960, precise to a few seconds. 0: the owner of the route watches liveness itself;
   * `uws` still asks and drops after 960 s, as a backstop.
   * @default 0
   */
  readonly idleTimeoutSeconds?: number;
}

export interface HttpRequest extends RequestHead {
  /**
   * The whole body, once: to be called in the handler's first turn. Rejects with `SocketServerError` `body-too-large`
   * above `maxBytes` (left uncaught by the handler, it is answered with 413), `body-timeout` after `timeoutMs` (408, and the
   * connection is closed), `aborted` or `body-unavailable`.
   *
   * @param timeoutMs for all of it, however steadily it trickles @default as long as the peer sends anything
   */
  body(maxBytes: number, timeoutMs?: number): Promise<Buffer>;
}

/** A response that can stream. Every method is harmless after the end or an abort. */
export interface HttpResponse {
  /** True once ended or aborted by the peer. */
  readonly closed: boolean;
  /**
   * Called once if the peer goes away before `end`, or takes nothing for 10 s while something waits for it; soon, where
   * that has happened already. `begin` in answer to `HEAD` calls it too: nobody will read the body.
   */
  onAborted(callback: () => void): void;
  /**
   * Status and headers, which leave with the first part of the body; that follows by `write` and `end`, chunked.
   *
   * @throws SocketServerError `response-started` the second time, `invalid-header`: forbidden characters, or one that
   * the server writes itself (content-length, transfer-encoding, connection, date)
   */
  begin(status: number, headers: Readonly<Record<string, string>>): void;
  /** Streams a part of the body. `false` when the peer doesn't keep up (it is buffered all the same) or has gone. */
  write(chunk: string | Uint8Array): boolean;
  /** Bytes of the body that the kernel has not taken yet, give or take 32 KiB. */
  bufferedAmount(): number;
  /** What is buffered follows still; a peer that hasn't taken it after `closeTimeoutMs` is dropped. */
  end(chunk?: string | Uint8Array): void;
  /** Drops the connection, soon, with whatever is buffered: the peer sees that the body is not whole. */
  abort(): void;
  /** A whole response in one call. Throws as `begin` does. */
  respond(status: number, headers: Readonly<Record<string, string>>, body?: string | Uint8Array): void;
  /** The same, and the connection is closed after it: whatever is still to come of the request isn't wanted. */
  respondAndClose(status: number, headers: Readonly<Record<string, string>>, body: string): void;
}

export interface HttpRoute {
  /** `GET` answers `HEAD` too. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';
  /** An exact path, or `*` for every path that no other route of the method takes. */
  readonly path: string;
  /**
   * A promise that rejects, or a throw, is answered with 500 where nothing was sent yet, and drops the connection where
   * something was. On one connection a request that comes before the last one is answered may drop it, so that a client
   * that pipelines has to be ready to try again, as HTTP says.
   */
  handle(request: HttpRequest, response: HttpResponse): void | Promise<void>;
}

/**
 * Each message is compressed for itself, in both directions (no context takeover): a connection costs no memory for it, and
 * what a message becomes is bounded by the route's `maxPayloadBytes`: one that would become larger ends the connection as
 * any message over the limit does, before it is whole. `uws` says the same of compressed data that is malformed, `ws` 1007.
 */
export interface CompressionOptions {
  /** Shorter messages are sent as they are. */
  readonly minBytes: number;
}

export interface CertificateFiles {
  /** PEM: the certificate, then those that lead to its CA. */
  readonly certFile: string;
  /** PEM, without a passphrase. */
  readonly keyFile: string;
}

/** What the operator wants to know of a certificate. */
export interface CertificateInfo {
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly expiresMs: number;
}

export interface SocketServerOptions {
  /** Proxies whose `X-Forwarded-For` is believed. @default none: the header is ignored */
  readonly trustedProxies?: TrustedProxies;
  /**
   * Told of what is neither a caller's mistake nor a client's: a handler that threw, for instance.
   * @default the error is thrown where nobody catches it, which ends the process
   */
  readonly onError?: (error: unknown, context: string) => void;
  /** Lets several processes share the port; `ws` needs Node.js 22.12, 23.1 or later for it. @default false */
  readonly reusePort?: boolean;
  /** Messages are compressed for clients that offer it (permessage-deflate). @default none are */
  readonly compression?: CompressionOptions;
  /** TLS on every connection, 1.2 or newer. @default none */
  readonly tls?: CertificateFiles;
  /** How long a peer may take for what was buffered when its connection, or its streamed response, was ended. @default 10000 */
  readonly closeTimeoutMs?: number;
}

export interface SocketServer {
  readonly implementation: 'uws' | 'ws';
  /** Before `listen`; throws SocketServerError `invalid-route` afterwards, for a path declared twice, or a bad limit. */
  webSocket<Data>(route: WebSocketRoute<Data>): void;
  /**
   * Before `listen`, as `webSocket`. Unknown paths are answered with 404, known ones with another method with 405,
   * upgrades where no WebSocket route is with 404, requests to a WebSocket route's exact path without an upgrade, and
   * without an HTTP route, with 426.
   */
  http(route: HttpRoute): void;
  /**
   * @param port 0 lets the system choose.
   * @returns the port
   * @throws SocketServerError `address-in-use`, `listen-failed`
   */
  listen(host: string, port: number): Promise<number>;
  /**
   * Sends one message to every socket of a topic, in order with their other sends of this turn. Never drops. `ws` compresses
   * it once for all; `uws` once for each receiver, so it leaves it as it is where that would hold the event loop up.
   */
  publish(topic: string, message: string | Uint8Array, isBinary: boolean): void;
  /** How many sockets a topic has. */
  subscribers(topic: string): number;
  /** The certificate in use; undefined without TLS. */
  readonly certificate: CertificateInfo | undefined;
  /**
   * Reads the files of the certificate again and uses them for new connections; those that exist go on. `false`: they are the
   * same as before, or the server doesn't listen (any more).
   *
   * @throws SocketServerError `invalid-certificate`, and the old one stays in use
   */
  reloadCertificate(): Promise<boolean>;
  /** Refuses new connections; those that exist go on. */
  pauseAccepting(): void;
  /**
   * Resolves when each connection that was ended has taken what was buffered for it, and its close frame, or was dropped, and
   * each streamed response likewise: after `closeTimeoutMs` at most. What is open still doesn't count.
   */
  flushed(): Promise<void>;
  /** Drops every connection, ended ones too (see `flushed`), and frees the port. */
  stop(): Promise<void>;
}
