import { connect, type Socket } from 'node:net';

import { Deferred, withDeadline } from '@pharos/lifecycle';

import { opcodes } from '../frame/web-socket-frames.ts';

const waitMs = 60_000;
/** What it keeps of text that came, for those who look for words in it. */
const maxTail = 256;

export interface AttackerOptions {
  readonly port: number;
  /** @default /connection/websocket */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Each whole message, as it came. */
  readonly onMessage?: (message: Buffer, opcode: number) => void;
}

/** A WebSocket client that keeps to no rule but the handshake, and looks at all that it is sent for a word that is not for it. */
export class Attacker {
  /** A word of channels that no attacker may read; how often one saw it. */
  static forbidden = '';
  static leaks = 0;

  static readonly #all = new Set<Attacker>();

  readonly tcp: Socket;
  /** Messages that came. */
  messages = 0;
  readonly #onMessage: ((message: Buffer, opcode: number) => void) | undefined;
  readonly #opened = new Deferred<void>();
  readonly #ended = new Deferred<number | undefined>();
  #rest: Buffer = Buffer.alloc(0);
  #tail = '';
  #isOpen = false;
  #code: number | undefined;

  private constructor({ port, path = '/connection/websocket', headers = {}, onMessage }: AttackerOptions) {
    this.#onMessage = onMessage;
    this.#opened.promise.catch(() => undefined);
    this.tcp = connect(port, '127.0.0.1');
    this.tcp.on('data', (bytes: Buffer) => this.#take(bytes));
    this.tcp.on('error', () => undefined);
    Attacker.#all.add(this);
    this.tcp.on('close', () => {
      Attacker.#all.delete(this);
      this.#opened.reject(new Error('the connection ended before it was open'));
      this.#ended.resolve(this.#code);
    });
    this.tcp.write(handshake(port, path, headers));
  }

  /** Ends those whose attack has failed on the way. */
  static endAll(): void {
    for (const attacker of Attacker.#all) attacker.destroy();
  }

  /** Resolves when the handshake is done. @throws Error with the status where it is refused */
  static async open(options: AttackerOptions): Promise<Attacker> {
    const attacker = new Attacker(options);
    try {
      await withDeadline(attacker.#opened.promise, waitMs, 'the handshake');
    } catch (error) {
      attacker.tcp.destroy();
      throw error;
    }
    return attacker;
  }

  /** Resolves with the close code, undefined where none was sent, when the connection has ended. */
  ended(timeoutMs: number = waitMs): Promise<number | undefined> {
    return withDeadline(this.#ended.promise, timeoutMs, 'the end of a connection');
  }

  sendText(text: string): void {
    this.sendFrame(opcodes.text, Buffer.from(text));
  }

  /** @param first over the first byte of the head, such as 0xc1 for a compressed text */
  sendFrame(opcode: number, payload: Buffer, first: number = 0x80 | opcode): void {
    const head = Buffer.alloc(14);
    head[0] = first;
    let length = 2;
    if (payload.length < 126) head[1] = 0x80 | payload.length;
    else if (payload.length < 65_536) {
      head[1] = 0x80 | 126;
      length = head.writeUInt16BE(payload.length, 2);
    } else {
      head[1] = 0x80 | 127;
      length = head.writeBigUInt64BE(BigInt(payload.length), 2);
    }
    // Masked with zeros.
    this.sendBytes(Buffer.concat([head.subarray(0, length + 4), payload]));
  }

  sendBytes(bytes: Buffer): void {
    if (this.tcp.writable) this.tcp.write(bytes);
  }

  /** Says good-bye by the protocol, behind all that was sent. */
  sayGoodBye(): void {
    this.sendFrame(opcodes.close, Buffer.from([0x03, 0xe8]));
  }

  destroy(): void {
    this.tcp.destroy();
  }

  #take(bytes: Buffer): void {
    this.#lookFor(bytes);
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (!this.#isOpen && !this.#takeHandshake()) return;
    while (this.#takeFrame());
  }

  /** The word may lie across two reads. */
  #lookFor(bytes: Buffer): void {
    if (Attacker.forbidden === '') return;
    const text = this.#tail + bytes.toString('latin1');
    if (text.includes(Attacker.forbidden)) Attacker.leaks++;
    this.#tail = text.slice(-Math.min(maxTail, Attacker.forbidden.length - 1));
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
    const start = length === 126 ? 4 : length === 127 ? 10 : 2;
    if (bytes.length < start) return false;
    if (length === 126) length = bytes.readUInt16BE(2);
    else if (length === 127) length = Number(bytes.readBigUInt64BE(2));
    if (bytes.length < start + length) return false;
    this.#rest = bytes.subarray(start + length);
    this.#frame((bytes[0] as number) & 0x0f, bytes.subarray(start, start + length));
    return true;
  }

  #frame(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.close) {
      this.#code ??= payload.length < 2 ? 1005 : payload.readUInt16BE(0);
      this.tcp.end();
    } else if (opcode === opcodes.text || opcode === opcodes.binary) {
      this.messages++;
      this.#onMessage?.(payload, opcode);
    }
  }
}

function handshake(port: number, path: string, headers: Readonly<Record<string, string>>): string {
  const all = {
    Host: `127.0.0.1:${port}`,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'cGhhcm9zIGxvYWQgdGVzdA==',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}
