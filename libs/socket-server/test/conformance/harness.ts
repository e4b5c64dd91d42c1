import { connect as connectTcp, createServer, type Socket as TcpSocket } from 'node:net';
import type { TestContext } from 'node:test';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import { WebSocket } from 'ws';
import type {
  RequestHead,
  Socket,
  SocketServer,
  SocketServerOptions,
  UpgradeDecision,
  WebSocketHandler,
} from '../../src/index.ts';

/** Makes the server under test, not listening yet. */
export type MakeServer = (options?: SocketServerOptions) => Promise<SocketServer>;

const DEADLINE_MS = 60_000;

/** Things that happen, to be waited for one after the other. */
export class Inbox<T> {
  readonly #items: T[] = [];
  #waiting: Deferred | undefined;

  push(item: T): void {
    this.#items.push(item);
    this.#waiting?.resolve();
  }

  get size(): number {
    return this.#items.length;
  }

  async next(what = 'the next item'): Promise<T> {
    while (this.#items.length === 0) {
      this.#waiting = new Deferred();
      await withDeadline(this.#waiting.promise, DEADLINE_MS, what);
    }
    return this.#items.shift() as T;
  }

  async take(count: number): Promise<T[]> {
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(await this.next(`item ${i + 1} of ${count}`));
    return items;
  }
}

export function within<T>(promise: Promise<T>, what: string): Promise<T> {
  return withDeadline(promise, DEADLINE_MS, what);
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A handler that accepts everybody and keeps what happens, for the test to look at. */
export class RecordingHandler implements WebSocketHandler<{ id: number }> {
  readonly opened = new Inbox<Socket<{ id: number }>>();
  readonly messages = new Inbox<{ text: string; isBinary: boolean }>();
  readonly closed = new Inbox<Closed & { id: number }>();
  readonly drained = new Inbox<number>();
  closes = 0;
  #ids = 0;

  upgrade(_head: RequestHead, _offered: readonly string[]): UpgradeDecision<{ id: number }> {
    this.#ids++;
    return { accept: { id: this.#ids } };
  }

  open(socket: Socket<{ id: number }>): void {
    this.opened.push(socket);
  }

  message(_socket: Socket<{ id: number }>, message: Buffer, isBinary: boolean): void {
    this.messages.push({ text: message.toString(isBinary ? 'hex' : 'utf8'), isBinary });
  }

  drain(socket: Socket<{ id: number }>): void {
    this.drained.push(socket.bufferedAmount());
  }

  close(socket: Socket<{ id: number }>, code: number, reason: string): void {
    this.closes++;
    this.closed.push({ id: socket.data.id, code, reason });
  }
}

/** Starts a server that `declare` has put routes on; stopped when the test ends. */
export async function start(
  t: TestContext,
  make: MakeServer,
  declare: (server: SocketServer) => void,
  options?: SocketServerOptions,
  wantedPort = 0,
): Promise<{ server: SocketServer; port: number; url: string }> {
  const server = await make(options);
  declare(server);
  t.after(() => server.stop());
  const port = await server.listen('127.0.0.1', wantedPort);
  return { server, port, url: `ws://127.0.0.1:${port}` };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  if (typeof address !== 'object' || address === null) throw new Error('the probe has no address');
  return address.port;
}

/** A server with one recording route at `/`. */
export async function startRecording(
  t: TestContext,
  make: MakeServer,
  options?: SocketServerOptions,
  maxPayloadBytes = 65_536,
  wantedPort = 0,
): Promise<{ server: SocketServer; port: number; url: string; handler: RecordingHandler }> {
  const handler = new RecordingHandler();
  const started = await start(
    t,
    make,
    (server) => server.webSocket({ path: '/', handler, maxPayloadBytes }),
    options,
    wantedPort,
  );
  return { ...started, url: `${started.url}/`, handler };
}

/** A WebSocket client that keeps what it gets. */
export interface Client {
  readonly ws: WebSocket;
  readonly messages: Inbox<string>;
  readonly closed: Promise<Closed>;
}

/** Connects; binary messages are kept as `hex:…`. */
export async function connect(
  t: TestContext,
  url: string,
  protocols: string[] = [],
  headers: Record<string, string> = {},
): Promise<Client> {
  const ws = new WebSocket(url, protocols, { headers, perMessageDeflate: false });
  t.after(() => ws.terminate());
  const messages = new Inbox<string>();
  const closed = new Deferred<Closed>();
  const open = new Deferred();
  ws.on('open', () => open.resolve());
  ws.on('error', (error) => open.reject(error));
  ws.on('message', (data: Buffer, isBinary) =>
    messages.push(isBinary ? `hex:${data.toString('hex')}` : data.toString()),
  );
  ws.on('close', (code, reason) => closed.resolve({ code, reason: reason.toString() }));
  await within(open.promise, 'the handshake');
  return { ws, messages, closed: closed.promise };
}

/** A TCP connection that has sent `text`; what comes back is gathered. */
export interface RawClient {
  readonly tcp: TcpSocket;
  received(): string;
  /** Resolves once the received bytes, as Latin-1, contain `text`. */
  until(text: string): Promise<void>;
  readonly ended: Promise<void>;
}

export function raw(t: TestContext, port: number, text: string): RawClient {
  let received = '';
  const changes = new Inbox<undefined>();
  const ended = new Deferred();
  const tcp = connectTcp(port, '127.0.0.1');
  tcp.write(text);
  t.after(() => tcp.destroy());
  tcp.on('data', (bytes: Buffer) => {
    received += bytes.toString('latin1');
    changes.push(undefined);
  });
  tcp.on('error', () => undefined);
  tcp.on('close', () => ended.resolve());
  return {
    tcp,
    received: () => received,
    ended: ended.promise,
    until: async (wanted) => {
      while (!received.includes(wanted)) await changes.next(`"${wanted}" in the answer`);
    },
  };
}

/** The bytes of an upgrade request. */
export function upgradeRequest(path: string, ...extra: string[]): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: test',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    ...extra,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A masked client frame with a mask of zeros; the payload is at most 125 bytes. */
export function clientFrame(firstByte: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([firstByte, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}
