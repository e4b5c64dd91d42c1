import { connect, type Socket } from 'node:net';

import { Deferred } from '@pharos/lifecycle';
import { clientFrame, opcodes, ServerStream, upgradeRequest } from '@pharos/testkit';

const subscribeId = 2;
const pong = clientFrame(opcodes.text, Buffer.from('{}'));
/** Reads of all connections go to one buffer: what is read is dealt with before the next read. */
const readBuffer = Buffer.allocUnsafe(64 * 1024);

export interface MemberOptions {
  /** The edge's WebSocket address. */
  readonly url: string;
  readonly token: string;
  readonly channel: string;
  /** Where it comes from: one address has fewer ports than there are members, and the system takes long to find the last free ones. */
  readonly localAddress: string;
  readonly localPort: number;
  /** Its connection has ended, and nobody asked for that. */
  readonly onLost: () => void;
}

/** A connection that is in a channel and does nothing there but answer pings: hardly more than a socket. It never comes back. */
export class Member {
  readonly #options: MemberOptions;
  readonly #socket: Socket;
  readonly #entered = new Deferred();
  readonly #stream: ServerStream = new ServerStream({
    opened: () => this.#opened(),
    refused: (status) => this.#refused(`the upgrade was answered with '${status}'`),
    frame: (opcode, bytes, start, end) => this.#onFrame(opcode, bytes, start, end),
  });
  #hasLeft = false;
  #isIn = false;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#entered.promise.catch(() => undefined);
    const { hostname, port } = new URL(options.url);
    this.#socket = connect({
      host: hostname,
      port: Number(port),
      localAddress: options.localAddress,
      localPort: options.localPort,
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
    this.#socket.once('error', (error) => this.#entered.reject(error));
    this.#socket.once('close', () => this.#closed());
  }

  /** Resolves when it is subscribed. Rejects where it is refused. */
  get entered(): Promise<void> {
    return this.#entered.promise;
  }

  leave(): void {
    this.#hasLeft = true;
    this.#socket.destroy();
  }

  #upgrade(): void {
    const { host, pathname } = new URL(this.#options.url);
    this.#socket.write(upgradeRequest(host, pathname));
  }

  #opened(): void {
    const { token, channel } = this.#options;
    const commands = [
      { id: 1, connect: { token } },
      { id: subscribeId, subscribe: { channel } },
    ];
    const text = commands.map((command) => JSON.stringify(command)).join('\n');
    this.#socket.write(clientFrame(opcodes.text, Buffer.from(text)));
  }

  #onFrame(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === opcodes.ping) this.#socket.write(clientFrame(opcodes.pong, bytes.subarray(start, end)));
    else if (opcode === opcodes.close) this.#refused(`closed: ${bytes.toString('utf8', start + 2, end)}`);
    else if (end - start === 2) this.#socket.write(pong);
    else if (!this.#isIn) this.#replies(bytes.toString('utf8', start, end));
  }

  #replies(text: string): void {
    for (const line of text.split('\n')) {
      const { id, error } = JSON.parse(line) as { id?: number; error?: unknown };
      if (error !== undefined) return this.#refused(`the server answered ${line}`);
      if (id !== subscribeId) continue;
      this.#isIn = true;
      this.#entered.resolve();
    }
  }

  #refused(why: string): void {
    this.#entered.reject(new Error(why));
    this.#socket.destroy();
  }

  #closed(): void {
    this.#entered.reject(new Error('the server closed the connection'));
    if (this.#isIn && !this.#hasLeft) this.#options.onLost();
  }
}
