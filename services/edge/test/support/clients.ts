import type { TestContext } from 'node:test';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import { Collector } from '@pharos/testkit';
import { type ClientOptions, WebSocket } from 'ws';
import type { TestEdge } from './edge.ts';

/** For anything that has no reason to take long. */
const waitMs = 60_000;

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A bare WebSocket client that keeps what it gets, in order. */
export class TextClient {
  readonly received: Collector<string> = new Collector<string>();
  readonly ws: WebSocket;
  readonly #closed = new Deferred<Closed>();

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer, isBinary) => {
      if (isBinary) throw new TypeError('a binary frame came');
      this.received.add(data.toString());
    });
    ws.on('close', (code, reason) => this.#closed.resolve({ code, reason: reason.toString() }));
    ws.on('error', () => undefined);
  }

  /** Resolves once it is open. The chat channel's live set it may join a little later: see `joined`. */
  static async open(
    t: TestContext,
    url: string,
    protocols: readonly string[] = [],
    options: ClientOptions = {},
  ): Promise<TextClient> {
    const ws = new WebSocket(url, [...protocols], options);
    const client = new TextClient(ws);
    t.after(() => ws.terminate());
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
    });
    return client;
  }

  /** A chat client that surely gets what is sent from now on: it has seen a message of its own. Also says its id. */
  static async joined(t: TestContext, edge: TestEdge): Promise<{ client: TextClient; id: string }> {
    const client = await TextClient.open(t, edge.chatUrl);
    const mark = `joined ${Math.random()}`;
    client.send(mark);
    const line = await client.received.waitFor((text) => text.endsWith(mark), 'its own message');
    return { client, id: line.slice(1, line.indexOf(']')) };
  }

  get closed(): Promise<Closed> {
    return withDeadline(this.#closed.promise, waitMs, 'the close of a connection');
  }

  send(text: string | Uint8Array): void {
    this.ws.send(text);
  }

  /** What came, less the marks that `joined` sends. */
  get texts(): string[] {
    return this.received.items.filter((text) => !/\] joined 0\.\d+$/.test(text));
  }
}

export type Json = Record<string, unknown>;

export interface Publication {
  readonly channel: string;
  readonly data: unknown;
  readonly offset: number;
  readonly tags: Record<string, string> | undefined;
  readonly info: { readonly client?: string; readonly user?: string } | undefined;
}

/** A client that speaks the protocol by hand; every line of every frame must be a JSON object. */
export class ProtocolClient {
  readonly messages: Collector<Json> = new Collector<Json>();
  readonly publications: Collector<Publication> = new Collector<Publication>();
  readonly frames: string[] = [];
  readonly ws: WebSocket;
  id = '';
  /** Whether it answers the server's pings. */
  answersPings = true;
  #nextId = 1;
  readonly #closed = new Deferred<Closed>();

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer) => this.#take(data.toString()));
    ws.on('close', (code, reason) => this.#closed.resolve({ code, reason: reason.toString() }));
    ws.on('error', () => undefined);
  }

  /** Open, and silent. */
  static async open(t: TestContext, edge: TestEdge, options: ClientOptions = {}): Promise<ProtocolClient> {
    const ws = new WebSocket(edge.webSocketUrl, options);
    const client = new ProtocolClient(ws);
    t.after(() => ws.terminate());
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
    });
    return client;
  }

  /** Open, and connected in the protocol's sense. */
  static async connect(t: TestContext, edge: TestEdge, request: Json = {}): Promise<ProtocolClient> {
    const client = await ProtocolClient.open(t, edge);
    const reply = await client.call({ connect: request });
    client.id = (reply['connect'] as { client: string }).client;
    return client;
  }

  get closed(): Promise<Closed> {
    return withDeadline(this.#closed.promise, waitMs, 'the close of a connection');
  }

  /** Sends commands in one frame, numbered; says their ids. */
  send(...commands: Json[]): number[] {
    const ids: number[] = [];
    const lines = commands.map((command) => {
      const id = this.#nextId++;
      ids.push(id);
      return JSON.stringify({ id, ...command });
    });
    this.ws.send(lines.join('\n'));
    return ids;
  }

  reply(id: number): Promise<Json> {
    return this.messages.waitFor((message) => message['id'] === id, `the reply to command ${id}`, waitMs);
  }

  async call(command: Json): Promise<Json> {
    const [id] = this.send(command);
    return this.reply(id as number);
  }

  /** The code of the error that a command is answered with; 0 where it succeeds. */
  async errorOf(command: Json): Promise<number> {
    const { error } = await this.call(command);
    return (error as { code: number } | undefined)?.code ?? 0;
  }

  subscribe(channel: string, options: Json = {}): Promise<Json> {
    return this.call({ subscribe: { channel, ...options } });
  }

  publish(channel: string, data: unknown): Promise<Json> {
    return this.call({ publish: { channel, data } });
  }

  dataOf(channel: string): unknown[] {
    return this.publications.items.filter((publication) => publication.channel === channel).map(({ data }) => data);
  }

  /** Pushes other than publications. */
  get pushes(): Json[] {
    return this.messages.items
      .map((message) => message['push'] as Json | undefined)
      .filter((push): push is Json => push !== undefined && push['pub'] === undefined);
  }

  #take(frame: string): void {
    this.frames.push(frame);
    for (const line of frame.split('\n')) {
      const message = JSON.parse(line) as unknown;
      if (typeof message !== 'object' || message === null || Array.isArray(message)) {
        throw new TypeError(`not an object: ${line}`);
      }
      if (Object.keys(message).length === 0 && this.answersPings) this.ws.send('{}');
      this.#note(message as Json);
    }
  }

  #note(message: Json): void {
    const push = message['push'] as { channel: string; pub?: Json } | undefined;
    if (push?.pub !== undefined) {
      const { data, offset, tags, info } = push.pub as unknown as Publication;
      this.publications.add({ channel: push.channel, data, offset, tags, info });
    }
    this.messages.add(message);
  }
}
