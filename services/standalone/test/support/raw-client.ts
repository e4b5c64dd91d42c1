import { once } from 'node:events';
import { WebSocket } from 'ws';
import { Receiver } from './receiver.ts';

interface Frame {
  readonly id?: number;
  readonly error?: { readonly code: number; readonly message: string };
  readonly push?: { readonly pub?: { readonly data: unknown } };
}

/** A client that speaks the protocol by hand, so that a test can stop its reading. */
export class RawClient extends Receiver {
  readonly socket: WebSocket;
  readonly #replies = new Map<number, (frame: Frame) => void>();

  constructor(name: string, url: string) {
    super(name);
    this.socket = new WebSocket(url, { perMessageDeflate: false });
    this.socket.on('message', (data: Buffer) => {
      for (const text of data.toString('utf8').split('\n')) this.#take(text);
    });
    this.socket.on('close', (code, reason) => this.ended({ code, reason: reason.toString('utf8') }));
    // An error is followed by a close, which tells the test.
    this.socket.on('error', () => undefined);
  }

  /** Sends a command; resolves with its reply. Throws where that is an error. */
  async command(id: number, method: string, request: object): Promise<void> {
    const reply = new Promise<Frame>((resolve) => this.#replies.set(id, resolve));
    this.socket.send(JSON.stringify({ id, [method]: request }));
    const { error } = await reply;
    if (error !== undefined) throw new Error(`${method}: ${error.code} ${error.message}`);
  }

  #take(text: string): void {
    const frame = JSON.parse(text) as Frame;
    if (frame.id !== undefined) this.#replies.get(frame.id)?.(frame);
    else if (frame.push?.pub !== undefined) {
      const { data } = frame.push.pub;
      this.received(typeof data === 'string' ? data : JSON.stringify(data));
    } else if (frame.push === undefined) this.socket.send('{}');
  }
}

/** Resolves when the client is subscribed. */
export async function connectRaw(name: string, url: string, channel: string): Promise<RawClient> {
  const client = new RawClient(name, url);
  await once(client.socket, 'open');
  await client.command(1, 'connect', {});
  await client.command(2, 'subscribe', { channel });
  return client;
}
