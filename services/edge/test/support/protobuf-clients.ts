import type { TestContext } from 'node:test';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import { Collector } from '@pharos/testkit';
import { Centrifuge, type PublicationContext, type Subscription } from 'centrifuge/build/protobuf';
import { WebSocket } from 'ws';
import type { Closed } from './clients.ts';
import type { TestEdge } from './edge.ts';

const waitMs = 60_000;

/** What a client got of a channel, with its payloads as bytes. */
export interface Room {
  readonly subscription: Subscription;
  readonly publications: Collector<PublicationContext>;
  /** Joins and leaves, with the id of the client. */
  readonly events: Collector<string>;
}

/** The official SDK in its Protobuf build, connected. */
export async function protobufSdk(t: TestContext, edge: TestEdge): Promise<Centrifuge> {
  const client = new Centrifuge(edge.webSocketUrl, {
    websocket: WebSocket,
    minReconnectDelay: 10,
    maxReconnectDelay: 50,
  });
  t.after(() => client.disconnect());
  client.connect();
  await client.ready(waitMs);
  return client;
}

export async function joinRoom(client: Centrifuge, channel: string, options = {}): Promise<Room> {
  const subscription = client.newSubscription(channel, options);
  const publications = new Collector<PublicationContext>();
  const events = new Collector<string>();
  subscription.on('publication', publications.add);
  subscription.on('join', ({ info }) => events.add(`join ${info.client}`));
  subscription.on('leave', ({ info }) => events.add(`leave ${info.client}`));
  subscription.subscribe();
  await subscription.ready(waitMs);
  return { subscription, publications, events };
}

export function bytesOf({ data }: { readonly data?: unknown }): Buffer {
  return Buffer.from(data as Uint8Array);
}

/** A client that sends bytes and keeps the frames that it gets as they are. */
export class BinaryClient {
  readonly frames: Collector<Buffer> = new Collector<Buffer>();
  readonly ws: WebSocket;
  /** Whether it answers the server's pings. */
  answersPings = true;
  readonly #closed = new Deferred<Closed>();

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) throw new TypeError('a text frame came');
      if (this.answersPings && data.equals(ping)) ws.send(ping);
      this.frames.add(data);
    });
    ws.on('close', (code, reason) => this.#closed.resolve({ code, reason: reason.toString() }));
    ws.on('error', () => undefined);
  }

  static async open(
    t: TestContext,
    edge: TestEdge,
    query = '',
    protocols: readonly string[] = ['centrifuge-protobuf'],
  ): Promise<BinaryClient> {
    const ws = new WebSocket(edge.webSocketUrl + query, [...protocols]);
    const client = new BinaryClient(ws);
    t.after(() => ws.terminate());
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
    });
    return client;
  }

  get closed(): Promise<Closed> {
    return withDeadline(this.#closed.promise, waitMs, 'the close of a connection');
  }

  /** @param hex of one frame, spaces allowed */
  send(hex: string): void {
    this.ws.send(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  }
}

/** An empty message: the server's ping, and its answer. */
export const ping: Buffer = Buffer.from([0]);
/** `{id: 1, connect: {}}` in a frame of its own. */
export const connectHex = '04 0801 2200';
