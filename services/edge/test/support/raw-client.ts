import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Deferred, withDeadline } from '@pharos/lifecycle';

const opcodes = { text: 1, close: 8, ping: 9, pong: 10 } as const;

/** How a connection ended: by a close frame, or without one. */
export interface RawEnd {
  readonly code: number | undefined;
}

/** A WebSocket client on a bare TCP socket, which can stop reading: then the kernel's buffers fill, and the server's. */
export class RawClient {
  readonly tcp: Socket;
  readonly #onText: (text: string) => void;
  readonly #opened = new Deferred<void>();
  readonly #ended = new Deferred<RawEnd>();
  #rest: Buffer = Buffer.alloc(0);
  #isOpen = false;
  #code: number | undefined;

  private constructor(tcp: Socket, onText: (text: string) => void) {
    this.tcp = tcp;
    this.#onText = onText;
    tcp.on('data', (bytes: Buffer) => this.#take(bytes));
    tcp.on('error', () => undefined);
    tcp.on('close', () => {
      this.#opened.reject(new Error('the connection ended before it was open'));
      this.#ended.resolve({ code: this.#code });
    });
  }

  static async open(
    t: TestContext,
    port: number,
    path: string,
    onText: (text: string) => void,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RawClient> {
    const tcp = connect(port, '127.0.0.1');
    t.after(() => tcp.destroy());
    const client = new RawClient(tcp, onText);
    const lines = Object.entries({
      Host: `127.0.0.1:${port}`,
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      ...headers,
    }).map(([name, value]) => `${name}: ${value}`);
    tcp.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    await withDeadline(client.#opened.promise, 60_000, 'the handshake');
    return client;
  }

  get ended(): Promise<RawEnd> {
    return withDeadline(this.#ended.promise, 60_000, 'the end of a connection');
  }

  stopReading(): void {
    this.tcp.pause();
  }

  readOn(): void {
    this.tcp.resume();
  }

  sendText(text: string): void {
    this.sendFrame(opcodes.text, Buffer.from(text));
  }

  ping(): void {
    this.sendFrame(opcodes.ping, Buffer.alloc(0));
  }

  /** A frame of any opcode and bytes, whole and masked with zeros. */
  sendFrame(opcode: number, payload: Buffer): void {
    const head = Buffer.alloc(14);
    head[0] = 0x80 | opcode;
    let length = 2;
    if (payload.length < 126) head[1] = 0x80 | payload.length;
    else if (payload.length < 65_536) {
      head[1] = 0x80 | 126;
      length = head.writeUInt16BE(payload.length, 2);
    } else {
      head[1] = 0x80 | 127;
      length = head.writeBigUInt64BE(BigInt(payload.length), 2);
    }
    this.tcp.write(Buffer.concat([head.subarray(0, length + 4), payload]));
  }

  #take(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (!this.#isOpen && !this.#takeHandshake()) return;
    while (this.#takeFrame());
  }

  #takeHandshake(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const status = this.#rest.toString('latin1', 0, this.#rest.indexOf('\r\n'));
    this.#rest = this.#rest.subarray(end + 4);
    this.#isOpen = true;
    if (status.startsWith('HTTP/1.1 101 ')) this.#opened.resolve();
    else this.#opened.reject(new Error(status));
    return true;
  }

  #takeFrame(): boolean {
    const bytes = this.#rest;
    if (bytes.length < 2) return false;
    let length = (bytes[1] as number) & 0x7f;
    let start = 2;
    if (length === 126) start = 4;
    else if (length === 127) start = 10;
    if (bytes.length < start) return false;
    if (length === 126) length = bytes.readUInt16BE(2);
    else if (length === 127) length = Number(bytes.readBigUInt64BE(2));
    if (bytes.length < start + length) return false;
    this.#rest = bytes.subarray(start + length);
    this.#frame((bytes[0] as number) & 0x0f, bytes.subarray(start, start + length));
    return true;
  }

  #frame(opcode: number, payload: Buffer): void {
    if (this.#code !== undefined) throw new Error('a frame after the close frame');
    if (opcode === opcodes.text) this.#onText(payload.toString());
    else if (opcode === opcodes.ping) this.sendFrame(opcodes.pong, payload);
    else if (opcode === opcodes.close) {
      this.#code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
      this.sendFrame(opcodes.close, payload);
      this.tcp.end();
    }
  }
}
