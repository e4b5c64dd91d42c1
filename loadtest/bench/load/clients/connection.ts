import type { IncomingMessage } from 'node:http';

import { WebSocket } from 'ws';

import type { Reply } from '../../clients/reply.ts';

export interface ConnectionEvents {
  opened(): void;
  reply(reply: Reply): void;
  /** Comes once, whatever happened; `status` where the upgrade was answered with something else than 101. */
  ended(end: ConnectionEnd): void;
}

export interface ConnectionEnd {
  readonly code: number;
  readonly status: number | undefined;
  readonly retryAfter: boolean;
}

const handshakeTimeoutMs = 20_000;

/** One WebSocket that speaks the client protocol in JSON, and answers pings. */
export class Connection {
  readonly #socket: WebSocket;

  constructor(url: string, events: ConnectionEvents) {
    let status: number | undefined;
    let retryAfter = false;
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      // What the server sends isn't in doubt here.
      skipUTF8Validation: true,
      handshakeTimeout: handshakeTimeoutMs,
    });
    this.#socket = socket;
    socket.on('open', () => events.opened());
    socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      status = response.statusCode;
      retryAfter = response.headers['retry-after'] !== undefined;
      response.resume();
      socket.terminate();
    });
    socket.on('message', (data) => {
      for (const line of (data as Buffer).toString('utf8').split('\n')) {
        if (line === '{}') socket.send('{}');
        else if (line !== '') events.reply(JSON.parse(line) as Reply);
      }
    });
    // An error is followed by a close.
    socket.on('error', () => undefined);
    socket.on('close', (code) => events.ended({ code, status, retryAfter }));
  }

  send(...commands: readonly object[]): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(commands.map((command) => JSON.stringify(command)).join('\n'));
  }

  /** Says good-bye. */
  close(): void {
    this.#socket.close();
  }

  /** Without a word. */
  cut(): void {
    this.#socket.terminate();
  }

  read(on: boolean): void {
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }
}
