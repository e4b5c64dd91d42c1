import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Collector } from '@pharos/testkit';

import { signedToken } from '../../bench/clients/token.ts';

/** How long its tokens are good: so short that every client has to ask for fresh ones, in seconds. */
const tokenSeconds = 3;

/** The application's backend: it signs the tokens that clients ask it for, writes down who asked, and answers what edges ask it. */
export class Application {
  readonly secret: string = randomBytes(24).toString('hex');
  /** `connect <user>` and `subscribe <user> <channel>`, in order. */
  readonly asked: Collector<string> = new Collector<string>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
      if (pathname === '/rpc') {
        void called(request).then((answer) => response.end(JSON.stringify(answer)));
        return;
      }
      const claims = Object.fromEntries(searchParams);
      this.asked.add([pathname.slice(1), ...Object.values(claims)].join(' '));
      const now = Math.floor(Date.now() / 1_000);
      response.end(signedToken({ ...claims, iat: now, exp: now + tokenSeconds }, this.secret));
    });
  }

  static async start(): Promise<Application> {
    const application = new Application();
    application.#server.listen({ port: 0, host: '127.0.0.1' });
    await once(application.#server, 'listening');
    return application;
  }

  /** Where edges ask what a method answers. */
  get rpcUrl(): string {
    return this.#url('rpc', {});
  }

  /** Where a user gets tokens to connect with. */
  connectUrl(user: string): string {
    return this.#url('connect', { sub: user });
  }

  /** Where a user gets tokens to subscribe to a channel with. */
  subscribeUrl(user: string, channel: string): string {
    return this.#url('subscribe', { sub: user, channel });
  }

  /** Resolves when `question` was asked so often. */
  async wasAsked(question: string, times: number): Promise<void> {
    const asked = (items: readonly string[]): boolean => items.filter((item) => item === question).length >= times;
    await this.asked.waitUntil(asked, `${times} times '${question}'`);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #url(path: string, query: Readonly<Record<string, string>>): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/${path}?${new URLSearchParams(query).toString()}`;
  }
}

/** The method answers who called it, and with what. */
async function called(request: IncomingMessage): Promise<object> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const call = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { user: string; method: string; data: unknown };
  return { result: { data: { user: call.user, method: call.method, got: call.data } } };
}
