import { connect, type Socket } from 'node:net';

import { Deferred } from '@pharos/lifecycle';

import { clientFrame, FrameReader, opcodes } from './web-socket-frames.ts';
import { benchChannel, type ClientProtocol } from './roles.ts';

const host = '127.0.0.1';
const endOfHead = Buffer.from('\r\n\r\n');
const paths = { centrifuge: '/connection/websocket', bare: '/' } as const;
const subscribeId = 2;
const hello = Buffer.from(
  [
    { id: 1, connect: {} },
    { id: subscribeId, subscribe: { channel: benchChannel, positioned: true, recoverable: true } },
  ]
    .map((command) => JSON.stringify(command))
    .join('\n'),
);
/** The ping of the Centrifuge protocol, and its answer. */
const protocolPing = Buffer.from('{}');

/** Reads of all connections go to one buffer: what is read is dealt with before the next read. */
const readBuffer = Buffer.allocUnsafe(64 * 1024);

export interface ConnectionEvents {
  /** A text frame that isn't part of the protocol's own business. Hot. */
  readonly text: (connection: number, bytes: Buffer, start: number, end: number) => void;
  /** The answer to `probe`. */
  readonly probed: () => void;
  /** Something that must not happen in a measurement. */
  readonly failed: (error: Error) => void;
}

/** One client: hardly more than a socket and its number, because thousands must not cost the machine what is to be measured. */
export class Connection {
  readonly index: number;
  readonly #protocol: ClientProtocol;
  readonly #events: ConnectionEvents;
  readonly #frames = new FrameReader();
  readonly #live = new Deferred();
  readonly #socket: Socket;
  #head: Buffer | undefined = Buffer.alloc(0);
  #isLive = false;

  constructor(index: number, port: number, protocol: ClientProtocol, events: ConnectionEvents) {
    this.index = index;
    this.#protocol = protocol;
    this.#events = events;
    this.#live.promise.catch(() => undefined);
    this.#socket = connect({
      host,
      port,
      onread: {
        buffer: readBuffer,
        callback: (length) => {
          this.#read(readBuffer.subarray(0, length));
          return true;
        },
      },
    });
    this.#socket.setNoDelay(true);
    this.#socket.once('connect', () => this.#upgrade(port));
    this.#socket.once('error', (error) => this.#fail(error.message));
    this.#socket.once('close', () => this.#fail('the server closed it'));
  }

  /** Resolves when the connection is subscribed. */
  get live(): Promise<void> {
    return this.#live.promise;
  }

  /** Asks for a sign that comes after everything that the server has sent so far. */
  probe(): void {
    this.#socket.write(clientFrame(opcodes.ping, Buffer.alloc(0)));
  }

  #upgrade(port: number): void {
    this.#socket.write(
      [
        `GET ${paths[this.#protocol]} HTTP/1.1`,
        `Host: ${host}:${port}`,
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        // Who answers isn't in doubt here, so one key does for all.
        'Sec-WebSocket-Key: cGhhcm9zIGxvYWQgdGVzdA==',
        '\r\n',
      ].join('\r\n'),
    );
  }

  #read(bytes: Buffer): void {
    try {
      if (this.#head === undefined) this.#frames.read(bytes, this.#onFrame);
      else this.#readHead(bytes);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #readHead(bytes: Buffer): void {
    const head = Buffer.concat([this.#head ?? bytes, bytes]);
    const end = head.indexOf(endOfHead);
    this.#head = end < 0 ? head : undefined;
    if (end < 0) return;
    const [status = ''] = head.toString('latin1', 0, end).split('\r\n');
    if (!status.startsWith('HTTP/1.1 101 ')) return this.#fail(`the upgrade was answered with '${status}'`);
    if (this.#protocol === 'centrifuge') this.#socket.write(clientFrame(opcodes.text, hello));
    else this.#subscribed();
    this.#frames.read(head.subarray(end + endOfHead.length), this.#onFrame);
  }

  readonly #onFrame = (opcode: number, bytes: Buffer, start: number, end: number): void => {
    if (opcode === opcodes.text && this.#isLive) {
      if (end - start === protocolPing.length) this.#socket.write(clientFrame(opcodes.text, protocolPing));
      else this.#events.text(this.index, bytes, start, end);
    } else if (opcode === opcodes.text) this.#replies(bytes.toString('utf8', start, end));
    else if (opcode === opcodes.pong) this.#events.probed();
    else if (opcode === opcodes.ping) {
      this.#socket.write(clientFrame(opcodes.pong, bytes.subarray(start, end)));
    } else if (opcode === opcodes.close) this.#fail(`closed: ${bytes.toString('utf8', start + 2, end)}`);
    else this.#fail(`a frame of opcode ${opcode} was not expected`);
  };

  #replies(text: string): void {
    for (const line of text.split('\n')) {
      const reply = JSON.parse(line) as { id?: number; error?: unknown };
      if (reply.error !== undefined) return this.#fail(`the server answered ${line}`);
      if (reply.id === subscribeId) this.#subscribed();
    }
  }

  #subscribed(): void {
    this.#isLive = true;
    this.#live.resolve();
  }

  #fail(what: string): void {
    const error = new Error(`connection ${this.index}: ${what}`);
    this.#live.reject(error);
    this.#events.failed(error);
    this.#socket.destroy();
  }
}
