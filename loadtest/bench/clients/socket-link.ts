import { connect, type Socket } from 'node:net';

import { clientFrame, opcodes, ServerStream, upgradeRequest } from '@pharos/testkit';

import type { Link, LinkEvents, OpenLink } from './link.ts';

/** Reads of all connections go to one buffer: what is read is dealt with before the next read. */
const readBuffer = Buffer.allocUnsafe(64 * 1024);

export interface SocketLinkOptions {
  /** The edge's WebSocket address. */
  readonly url: string;
  /** Where it comes from: one address has fewer ports than there are clients, and the system takes long to find the last free ones. */
  readonly localAddress: string;
  readonly localPort: number;
}

/** Connects by a WebSocket that is hardly more than a TCP socket. */
export function bySocket(options: SocketLinkOptions): OpenLink {
  return (events) => new SocketLink(options, events);
}

class SocketLink implements Link {
  readonly #events: LinkEvents;
  readonly #url: string;
  readonly #socket: Socket;
  readonly #stream: ServerStream = new ServerStream({
    opened: () => this.#events.opened(),
    refused: (status) => this.#ended(`the upgrade was answered with '${status}'`),
    frame: (opcode, bytes, start, end) => this.#onFrame(opcode, bytes, start, end),
  });
  #why: Error | undefined;

  constructor({ url, localAddress, localPort }: SocketLinkOptions, events: LinkEvents) {
    this.#events = events;
    this.#url = url;
    const { hostname, port } = new URL(url);
    this.#socket = connect({
      host: hostname,
      port: Number(port),
      localAddress,
      localPort,
      onread: {
        buffer: readBuffer,
        callback: (length) => {
          this.#stream.read(readBuffer.subarray(0, length));
          return true;
        },
      },
    });
    this.#socket.setNoDelay(true);
    this.#socket.once('connect', () => this.#upgrade());
    this.#socket.once('error', (error) => (this.#why ??= error));
    this.#socket.once('close', () => events.closed(this.#why ?? new Error('the server closed the connection')));
  }

  send(message: Buffer): void {
    this.#socket.write(clientFrame(opcodes.text, message));
  }

  drop(): void {
    this.#socket.destroy();
  }

  #upgrade(): void {
    const { host, pathname } = new URL(this.#url);
    this.#socket.write(upgradeRequest(host, pathname));
  }

  #onFrame(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === opcodes.text) this.#events.message(bytes, start, end);
    else if (opcode === opcodes.ping) this.#socket.write(clientFrame(opcodes.pong, bytes.subarray(start, end)));
    else if (opcode === opcodes.close) this.#ended(`closed: ${bytes.toString('utf8', start + 2, end)}`);
  }

  #ended(why: string): void {
    this.#why ??= new Error(why);
    this.#socket.destroy();
  }
}
