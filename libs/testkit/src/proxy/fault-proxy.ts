import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { Collector } from '../collector.ts';
import { TestkitError } from '../errors.ts';
import { freePort } from '../free-port.ts';
import { ProxyLane } from './lane.ts';

/** `up` is from the client to the server, `down` from the server to the client. */
export type ProxyDirection = 'up' | 'down';

export interface ProxyOptions {
  /** The port to listen on. @default a free one */
  readonly port?: number;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** A TCP proxy on 127.0.0.1 that does to connections what networks do, when a test says so. */
export class FaultProxy {
  readonly port: number;
  /** `127.0.0.1:<port>`. */
  readonly address: string;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #lanes: Readonly<Record<ProxyDirection, ProxyLane>> = { up: new ProxyLane(), down: new ProxyLane() };
  readonly #pairs = new Set<Pair>();
  readonly #accepted = new Collector<number>();
  #server: Server | undefined;

  constructor(port: number, target: { readonly host: string; readonly port: number }) {
    this.port = port;
    this.address = `127.0.0.1:${port}`;
    this.#target = target;
  }

  /** Connections that are open now. */
  get openConnections(): number {
    return this.#pairs.size;
  }

  /** Connections since the start, closed ones too. */
  get totalConnections(): number {
    return this.#accepted.items.length;
  }

  /** Bytes that were passed on in `direction`, of all connections. */
  passedBytes(direction: ProxyDirection): number {
    return this.#lanes[direction].passedBytes;
  }

  /** Resolves when `count` connections have been accepted since the start. */
  async waitForConnections(count: number, timeoutMs?: number): Promise<void> {
    await this.#accepted.waitForCount(count, timeoutMs);
  }

  /** Takes connections, again after {@link refuse}. */
  async accept(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#connect(client));
    this.#server = server;
    server.listen({ port: this.port, host: '127.0.0.1' });
    await once(server, 'listening');
  }

  /** Takes no more connections (the client is refused); those that are open stay. */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Cuts all open connections with a reset, on both sides; new ones are taken. Returns how many there were. */
  cutAll(): number {
    const count = this.#pairs.size;
    for (const pair of this.#pairs) cut(pair);
    return count;
  }

  /** Cuts the connection that carries the `bytes`-th byte of `direction` from now on, after it; resolves when that is done. */
  cutAfter(direction: ProxyDirection, bytes: number): Promise<void> {
    return this.#lanes[direction].cutAfter(wholeNumber('bytes', bytes));
  }

  /** Inverts the bits of `mask` in the byte at `offset` of `direction`, counted from now; resolves when it has passed. */
  corrupt(direction: ProxyDirection, offset: number, mask: number = 0xff): Promise<void> {
    return this.#lanes[direction].corrupt(wholeNumber('offset', offset), mask);
  }

  /** Calls off cuts and corruptions that are still to come; their promises don't settle. */
  disarm(): void {
    for (const lane of Object.values(this.#lanes)) lane.disarm();
  }

  /** Holds each piece that is read for `delayMs`, one after another, so that throughput falls too. 0 ends it. */
  delay(direction: ProxyDirection, delayMs: number): void {
    this.#lanes[direction].delayMs = wholeNumber('delayMs', delayMs);
  }

  /** Writes at most `bytes` at a time. 0 ends it. */
  split(direction: ProxyDirection, bytes: number): void {
    this.#lanes[direction].splitBytes = wholeNumber('bytes', bytes);
  }

  /** Passes on nothing in `direction`; connections are still taken, stay open and hear nothing. */
  pause(direction: ProxyDirection): void {
    this.#lanes[direction].pause();
  }

  resume(direction: ProxyDirection): void {
    this.#lanes[direction].resume();
  }

  /** Both directions pass on nothing, as when a network swallows packets. {@link heal} ends it. */
  blackhole(): void {
    this.pause('up');
    this.pause('down');
  }

  /** Ends pauses, delays and splits; what was held goes on its way. */
  heal(): void {
    for (const lane of Object.values(this.#lanes)) {
      lane.delayMs = 0;
      lane.splitBytes = 0;
      lane.resume();
    }
  }

  /** Cuts all connections and stops listening. */
  async close(): Promise<void> {
    const server = this.#server;
    const closed = server === undefined ? undefined : once(server, 'close');
    this.refuse();
    this.cutAll();
    this.heal();
    await closed;
  }

  #connect(client: Socket): void {
    const server = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const pair = { client, server };
    this.#pairs.add(pair);
    for (const socket of [client, server]) {
      // The other side learns of an error by a cut; the test sees it there.
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#pairs.delete(pair);
        if (socket.errored !== null) cut(pair);
      });
    }
    this.#pump(this.#lanes.up, client, server, pair);
    this.#pump(this.#lanes.down, server, client, pair);
    this.#accepted.add(this.#accepted.items.length);
  }

  #pump(lane: ProxyLane, source: Socket, target: Socket, pair: Pair): void {
    lane.run(source, target, () => cut(pair)).catch(() => cut(pair));
  }
}

function cut(pair: Pair): void {
  for (const socket of [pair.client, pair.server]) {
    if (socket.connecting) socket.destroy();
    else socket.resetAndDestroy();
  }
}

function wholeNumber(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw new TestkitError('invalid-option', `${name} must be a whole number of at least 0, not ${value}`);
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** Starts a proxy to `target`, which is `host:port` or a URL with both, such as `pulsar://127.0.0.1:6650`. */
export async function startProxy(target: string, options: ProxyOptions = {}): Promise<FaultProxy> {
  const url = parseUrl(target.includes('://') ? target : `tcp://${target}`);
  const port = Number(url?.port);
  if (url === undefined || url.hostname === '' || !(port > 0)) {
    throw new TestkitError('invalid-option', `the target must be host:port or a URL with a port, not '${target}'`);
  }
  const proxy = new FaultProxy(options.port ?? (await freePort()), { host: url.hostname, port });
  await proxy.accept();
  return proxy;
}
