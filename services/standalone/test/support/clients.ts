import { once } from 'node:events';
import { Centrifuge, type Subscription } from 'centrifuge';
import { WebSocket } from 'ws';
import { Receiver } from './receiver.ts';

/** A bare WebSocket client of the plain-text chat. */
export class TextClient extends Receiver {
  readonly socket: WebSocket;
  /** The id that the edge gave it; known after its greeting has come back. */
  id = '';

  constructor(name: string, url: string) {
    super(name);
    this.socket = new WebSocket(url, { perMessageDeflate: false });
    this.socket.on('message', (data: Buffer) => this.received(data.toString('utf8')));
    this.socket.on('close', (code, reason) => this.ended({ code, reason: reason.toString('utf8') }));
    // An error is followed by a close, which tells the test.
    this.socket.on('error', () => undefined);
  }

  send(text: string): void {
    this.socket.send(text);
  }

  /** Ends the connection without a word. */
  drop(): void {
    this.socket.terminate();
  }
}

/** Resolves when what the client says comes back to it: from then on it misses nothing. Throws where it is closed before. */
export async function connectText(name: string, url: string): Promise<TextClient> {
  const client = new TextClient(name, url);
  await once(client.socket, 'open');
  const greeting = `hello from ${name}`;
  client.send(greeting);
  const line = await client.lineOrClose((text) => text.endsWith(`] ${greeting}`), 'its greeting');
  if (line === undefined) throw new Error(`${name} was closed: ${client.close?.code} ${client.close?.reason}`);
  client.id = line.slice(1, line.indexOf(']'));
  return client;
}

/** A client of the official SDK, subscribed to one channel. It ends with its first close instead of connecting again. */
export class SdkClient extends Receiver {
  readonly centrifuge: Centrifuge;
  readonly subscription: Subscription;

  constructor(name: string, url: string, channel: string) {
    super(name);
    // A command waits for the server's answer longer than the server may take, so that the outcome is the server's word.
    this.centrifuge = new Centrifuge(url, { websocket: WebSocket, timeout: 60_000 });
    this.subscription = this.centrifuge.newSubscription(channel);
    this.subscription.on('publication', ({ data }) => {
      this.received(typeof data === 'string' ? data : JSON.stringify(data));
    });
    this.subscription.on('subscribing', ({ code, reason }) => {
      if (code > 1) this.#end(code, reason);
    });
    this.subscription.on('unsubscribed', ({ code, reason }) => this.#end(code, reason));
    this.centrifuge.on('connecting', ({ code, reason }) => {
      if (code > 0) this.#end(code, reason);
    });
    this.centrifuge.on('disconnected', ({ code, reason }) => this.#end(code, reason));
  }

  #end(code: number, reason: string): void {
    if (this.close !== undefined) return;
    this.ended({ code, reason });
    this.centrifuge.disconnect();
  }
}

/** Resolves when the client is subscribed. */
export async function connectSdk(name: string, url: string, channel: string): Promise<SdkClient> {
  const client = new SdkClient(name, url, channel);
  client.subscription.subscribe();
  client.centrifuge.connect();
  await client.subscription.ready(60_000);
  return client;
}
