import { connect, type Socket } from 'node:net';

import { Deferred, withDeadline } from '@pharos/lifecycle';

import { opcodes, zeroMaskedFrame } from './frames.ts';
import { ServerStream, upgradeRequest } from './server-stream.ts';

const waitMs = 60_000;

export interface BareWebSocketOptions {
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Each whole message, as it came. */
  readonly onMessage?: (message: Buffer, opcode: number) => void;
  /** All that comes, before anything is made of it. */
  readonly onBytes?: (bytes: Buffer) => void;
  /** Answers pings and the server's good-bye, and takes no frame that a server of ours doesn't send. @default true */
  readonly polite?: boolean;
}

/** A WebSocket client on a TCP socket that a test may do anything to: stop its reading, write what is none, drop it. */
export class BareWebSocket {
  readonly tcp: Socket;
  readonly #options: BareWebSocketOptions;
  readonly #opened = new Deferred<void>();
  readonly #ended = new Deferred<number | undefined>();
  #code: number | undefined;

  constructor(options: BareWebSocketOptions) {
    const { port, path, headers, onBytes, polite = true } = options;
    this.#options = options;
    this.#opened.promise.catch(() => undefined);
    const stream = new ServerStream(
      {
        opened: () => this.#opened.resolve(),
        refused: (status) => this.#opened.reject(new Error(status)),
        frame: (opcode, bytes, start, end) => this.#frame(opcode, bytes.subarray(start, end)),
      },
      !polite,
    );
    this.tcp = connect(port, '127.0.0.1');
    this.tcp.on('data', (bytes: Buffer) => {
      onBytes?.(bytes);
      stream.read(bytes);
    });
    this.tcp.on('error', () => undefined);
    this.tcp.on('close', () => {
      this.#opened.reject(new Error('the connection ended before it was open'));
      this.#ended.resolve(this.#code);
    });
    this.tcp.write(upgradeRequest(`127.0.0.1:${port}`, path, headers));
  }

  /** Resolves when the handshake is done. Rejects with the status where it is refused; the connection is dropped then. */
  async opened(): Promise<void> {
    try {
      await withDeadline(this.#opened.promise, waitMs, 'the handshake');
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /** Resolves with the close code, undefined where none was sent, when the connection has ended. */
  ended(timeoutMs: number = waitMs): Promise<number | undefined> {
    return withDeadline(this.#ended.promise, timeoutMs, 'the end of a connection');
  }

  sendText(text: string): void {
    this.sendFrame(opcodes.text, Buffer.from(text));
  }

  /** @param first over the first byte of the head, such as 0xc1 for a compressed text */
  sendFrame(opcode: number, payload: Buffer, first?: number): void {
    this.sendBytes(zeroMaskedFrame(opcode, payload, first));
  }

  sendBytes(bytes: Buffer): void {
    if (this.tcp.writable) this.tcp.write(bytes);
  }

  destroy(): void {
    this.tcp.destroy();
  }

  #frame(opcode: number, payload: Buffer): void {
    const { polite = true, onMessage } = this.#options;
    if (polite && this.#code !== undefined) throw new Error('a frame after the close frame');
    if (opcode === opcodes.text || opcode === opcodes.binary) onMessage?.(payload, opcode);
    else if (opcode === opcodes.ping && polite) this.sendFrame(opcodes.pong, payload);
    else if (opcode === opcodes.close) {
      this.#code ??= payload.length < 2 ? 1005 : payload.readUInt16BE(0);
      if (polite) this.sendFrame(opcodes.close, payload);
      this.tcp.end();
    }
  }
}
