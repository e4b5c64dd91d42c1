import { connect, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';

import { ByteReader, ByteWriter } from '@pharos/bytes';
import type { Encoding } from '@pharos/client-protocol';
import { Deferred } from '@pharos/lifecycle';
import { clientFrame, opcodes, ServerStream, upgradeRequest } from '@pharos/testkit';

import { benchChannel, type ClientProtocol } from './roles.ts';

const host = '127.0.0.1';
const subscribeId = 2;
const hello = Buffer.from(
  [
    { id: 1, connect: {} },
    { id: subscribeId, subscribe: { channel: benchChannel, positioned: true, recoverable: true } },
  ]
    .map((command) => JSON.stringify(command))
    .join('\n'),
);

/** The same two commands in Protobuf. */
function protobufHello(): Buffer {
  const subscribe = new ByteWriter();
  subscribe.uint8(0x0a).varint(benchChannel.length).utf8(benchChannel);
  subscribe.uint8(0x48).uint8(1).uint8(0x50).uint8(1);
  const command = new ByteWriter();
  command.uint8(0x08).varint(subscribeId).uint8(0x2a).varint(subscribe.length).bytes(subscribe.view());
  const frame = new ByteWriter();
  frame
    .bytes(Buffer.from([4, 0x08, 1, 0x22, 0]))
    .varint(command.length)
    .bytes(command.view());
  return frame.view();
}

/** How the Centrifuge protocol is spoken in an encoding. `ping` is the server's, and its answer. */
interface Dialect {
  readonly opcode: number;
  readonly query: string;
  readonly hello: Buffer;
  readonly ping: Buffer;
}

const dialects: Readonly<Record<Encoding, Dialect>> = {
  json: { opcode: opcodes.text, query: '', hello, ping: Buffer.from('{}') },
  protobuf: { opcode: opcodes.binary, query: '?format=protobuf', hello: protobufHello(), ping: Buffer.from([0]) },
};

/** Reads of all connections go to one buffer: what is read is dealt with before the next read. */
const readBuffer = Buffer.allocUnsafe(64 * 1024);

/** What a client speaks. */
export interface ClientKind {
  readonly protocol: ClientProtocol;
  readonly encoding: Encoding;
  readonly secure: boolean;
}

export interface ConnectionEvents {
  /** A frame of data that isn't part of the protocol's own business. Hot. */
  readonly data: (connection: number, bytes: Buffer, start: number, end: number) => void;
  /** The answer to `probe`. */
  readonly probed: () => void;
  /** Something that must not happen in a measurement. */
  readonly failed: (error: Error) => void;
}

/** One client: hardly more than a socket and its number, because thousands must not cost the machine what is to be measured. */
export class Connection {
  readonly index: number;
  readonly #protocol: ClientProtocol;
  readonly #dialect: Dialect;
  readonly #events: ConnectionEvents;
  readonly #stream: ServerStream;
  readonly #live = new Deferred();
  readonly #socket: Socket;
  #isLive = false;

  constructor(index: number, port: number, { protocol, encoding, secure }: ClientKind, events: ConnectionEvents) {
    this.index = index;
    this.#protocol = protocol;
    this.#dialect = dialects[encoding];
    this.#events = events;
    this.#live.promise.catch(() => undefined);
    this.#stream = new ServerStream({
      opened: () => this.#opened(),
      refused: (status) => this.#fail(`the upgrade was answered with '${status}'`),
      frame: this.#onFrame,
    });
    this.#socket = secure ? this.#connectSecurely(port) : this.#connect(port);
    this.#socket.setNoDelay(true);
    this.#socket.once(secure ? 'secureConnect' : 'connect', () => this.#upgrade(port));
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

  #connect(port: number): Socket {
    return connect({
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
  }

  /** Whose certificate it is isn't in doubt here. */
  #connectSecurely(port: number): Socket {
    const socket = connectSecurely({ host, port, rejectUnauthorized: false });
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    return socket;
  }

  #upgrade(port: number): void {
    const path = this.#protocol === 'bare' ? '/' : `/connection/websocket${this.#dialect.query}`;
    this.#socket.write(upgradeRequest(`${host}:${port}`, path));
  }

  #read(bytes: Buffer): void {
    try {
      this.#stream.read(bytes);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #opened(): void {
    if (this.#protocol === 'centrifuge') this.#socket.write(clientFrame(this.#dialect.opcode, this.#dialect.hello));
    else this.#subscribed();
  }

  readonly #onFrame = (opcode: number, bytes: Buffer, start: number, end: number): void => {
    const { opcode: data, ping } = this.#dialect;
    if (opcode === data && this.#isLive) {
      if (end - start === ping.length) this.#socket.write(clientFrame(data, ping));
      else this.#events.data(this.index, bytes, start, end);
    } else if (opcode === opcodes.text && opcode === data) this.#replies(bytes.toString('utf8', start, end));
    else if (opcode === data) this.#protobufReplies(new ByteReader(bytes, start, end));
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

  /** Reply: id[1], then what it is. */
  #protobufReplies(frame: ByteReader): void {
    while (frame.remaining > 0) {
      const reply = new ByteReader(frame.bytes(frame.varint32()));
      if (reply.uint8() !== 0x08) return this.#fail('a push came before the reply to subscribe');
      const id = reply.varint32();
      if (reply.uint8() === 0x12) return this.#fail(`the server answered command ${id} with an error`);
      if (id === subscribeId) this.#subscribed();
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
