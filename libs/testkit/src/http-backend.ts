import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Collector } from './collector.ts';

/** A request that came, with its whole body. */
export interface BackendRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body, read as JSON. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** What is answered: a body as JSON at status 200, or whatever is done to the response by hand. */
export type Reply = Readonly<Record<string, unknown>> | ByHand;
type ByHand = (response: ServerResponse) => void;
export type Answering = (request: BackendRequest) => Reply | Promise<Reply>;

/** An application's backend on a real HTTP server, which the test answers for and can make misbehave. */
export class HttpBackend {
  /** Each request as it came, before it is answered. */
  readonly requests: Collector<BackendRequest> = new Collector<BackendRequest>();
  /** Changes what is answered from now on. */
  answering: Answering;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  /** Connections that were made to it. */
  connections = 0;

  private constructor(answering: Answering) {
    this.answering = answering;
  }

  /** Stopped when the test ends. */
  static async start(t: TestContext, answering: Answering): Promise<HttpBackend> {
    const backend = await HttpBackend.open(answering);
    t.after(() => backend.stop());
    return backend;
  }

  /** To be stopped. */
  static async open(answering: Answering): Promise<HttpBackend> {
    const backend = new HttpBackend(answering);
    await backend.listen();
    return backend;
  }

  url(path = '/'): string {
    return `http://127.0.0.1:${this.#port}${path}`;
  }

  /** Again, on the port that it had. */
  async listen(): Promise<void> {
    const server = createServer((request, response) => void this.#take(request, response));
    server.on('connection', (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Takes no connections, and ends those that it has. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    try {
      for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    } catch {
      // The client went away.
      return;
    }
    const body = Buffer.concat(parts).toString('utf8');
    const taken: BackendRequest = {
      path: request.url ?? '',
      headers: request.headers,
      body,
      json: JSON.parse(body) as Readonly<Record<string, unknown>>,
    };
    this.requests.add(taken);
    const reply = await this.answering(taken);
    if (isByHand(reply)) return reply(response);
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(reply));
  }
}

function isByHand(reply: Reply): reply is ByHand {
  return typeof reply === 'function';
}
