import { type IncomingMessage, request, type IncomingHttpHeaders } from 'node:http';
import type { TestContext } from 'node:test';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import { Collector } from '@pharos/testkit';
import type { Json } from './clients.ts';

const waitMs = 60_000;

export interface Asked {
  readonly method?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request on a connection of its own, whole. */
export async function ask(port: number, path: string, asked: Asked = {}): Promise<Answered> {
  const incoming = await head(undefined, port, path, asked);
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(parts).toString() };
}

/** Only how it is answered: what follows is let go. */
export async function headAt(port: number, path: string, asked: Asked = {}): Promise<Omit<Answered, 'body'>> {
  const incoming = await head(undefined, port, path, asked);
  incoming.on('error', () => undefined);
  incoming.destroy();
  return { status: incoming.statusCode ?? 0, headers: incoming.headers };
}

export async function statusAt(port: number, path: string, asked: Asked = {}): Promise<number> {
  return (await headAt(port, path, asked)).status;
}

function head(t: TestContext | undefined, port: number, path: string, asked: Asked): Promise<IncomingMessage> {
  const answered = new Deferred<IncomingMessage>();
  const { method = 'GET', body, headers = {} } = asked;
  const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, answered.resolve);
  sent.on('error', answered.reject);
  t?.after(() => sent.destroy());
  sent.end(body);
  return withDeadline(answered.promise, waitMs, `the answer to ${method} ${path}`);
}

/** Commands of a session, as SDKs post them; its status. */
export async function emulate(
  port: number,
  node: string,
  session: string,
  ...commands: readonly Json[]
): Promise<number> {
  const data = commands.map((command) => JSON.stringify(command)).join('\n');
  const body = JSON.stringify({ node, session, data });
  return (await ask(port, '/emulation', { method: 'POST', body, headers: { 'content-type': 'application/json' } }))
    .status;
}

export interface Push {
  readonly channel?: string;
  readonly pub?: { readonly data: unknown; readonly offset?: number };
  readonly connect?: Json;
  readonly disconnect?: { readonly code: number; readonly reason: string; readonly reconnect?: boolean };
  readonly [kind: string]: unknown;
}

/** A client of an endpoint whose connection is a response that doesn't end; takes its JSON messages apart. */
export class StreamClient {
  readonly messages: Collector<Json> = new Collector<Json>();
  readonly incoming: IncomingMessage;
  onPing: () => void = () => undefined;
  readonly #port: number;
  readonly #ended = new Deferred<void>();
  #rest = '';
  #lastId = 1;

  private constructor(incoming: IncomingMessage, port: number) {
    this.incoming = incoming;
    this.#port = port;
    const isEvents = incoming.headers['content-type']?.startsWith('text/event-stream') === true;
    incoming.setEncoding('utf8');
    incoming.on('data', (text: string) => this.#take(text, isEvents));
    incoming.on('error', () => undefined);
    incoming.on('close', () => this.#ended.resolve());
  }

  /** Has the head of the response, which must be 200. */
  static async open(t: TestContext, port: number, path: string, asked: Asked = {}): Promise<StreamClient> {
    const incoming = await head(t, port, path, asked);
    if (incoming.statusCode !== 200) throw new Error(`status ${incoming.statusCode} of ${path}`);
    return new StreamClient(incoming, port);
  }

  /** A session by HTTP streaming or server-sent events, that has its connect result. */
  static async connect(
    t: TestContext,
    port: number,
    kind: 'http_stream' | 'sse',
    request: Json = {},
  ): Promise<StreamClient> {
    const body = JSON.stringify({ id: 1, connect: request });
    const path = `/connection/${kind}`;
    const client = await (kind === 'sse'
      ? StreamClient.open(t, port, `${path}?cf_connect=${encodeURIComponent(body)}`)
      : StreamClient.open(t, port, path, { method: 'POST', body }));
    await client.reply(1);
    return client;
  }

  /** Of the connect reply. */
  get connected(): Json & { readonly node: string; readonly session: string } {
    const reply = this.messages.items.find(({ id }) => id === 1);
    return reply?.['connect'] as Json & { readonly node: string; readonly session: string };
  }

  /** When nothing more comes. */
  get ended(): Promise<void> {
    return withDeadline(this.#ended.promise, waitMs, 'the end of a stream');
  }

  reply(id: number): Promise<Json> {
    return this.messages.waitFor((message) => message['id'] === id, `the reply to command ${id}`, waitMs);
  }

  /** Posts a command to an edge, this one or another; its reply comes by the stream. */
  async call(command: Json, port: number = this.#port): Promise<Json> {
    const id = ++this.#lastId;
    const { node, session } = this.connected;
    const status = await emulate(port, node, session, { id, ...command });
    if (status !== 204) throw new Error(`status ${status} of a command`);
    return this.reply(id);
  }

  push(test: (push: Push) => boolean, what: string): Promise<Push> {
    const found = this.messages.waitFor((message) => isPush(message, test), what, waitMs);
    return found.then((message) => pushOf(message) as Push);
  }

  /** By what the server says goodbye. */
  async disconnect(): Promise<{ readonly code: number; readonly reason: string; readonly reconnect?: boolean }> {
    const push = await this.push(({ disconnect }) => disconnect !== undefined, 'a disconnect push');
    return push.disconnect as { code: number; reason: string; reconnect?: boolean };
  }

  dataOf(channel: string): unknown[] {
    return this.messages.items
      .map(pushOf)
      .flatMap((push) => (push?.channel === channel && push.pub ? [push.pub.data] : []));
  }

  leave(): void {
    this.incoming.destroy();
  }

  #take(text: string, isEvents: boolean): void {
    const lines = (this.#rest + text).split(isEvents ? /\r\n|\r|\n/ : '\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') continue;
      if (isEvents && !line.startsWith('data: ')) throw new TypeError(`not an event of one line: ${line}`);
      const message = JSON.parse(isEvents ? line.slice(6) : line) as unknown;
      if (typeof message !== 'object' || message === null) throw new TypeError(`not an object: ${line}`);
      if (Object.keys(message).length === 0) this.onPing();
      this.messages.add(message as Json);
    }
  }
}

/** The push that a message is; bare ones of unidirectional endpoints too. */
function pushOf(message: Json): Push | undefined {
  if (message['id'] !== undefined) return undefined;
  return (message['push'] ?? message) as Push;
}

function isPush(message: Json, test: (push: Push) => boolean): boolean {
  const push = pushOf(message);
  return push !== undefined && test(push);
}
