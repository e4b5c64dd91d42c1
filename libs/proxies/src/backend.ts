import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { ProxyConfig } from './config.ts';
import { connectorTo } from './connector.ts';
import { ProxyError } from './errors.ts';
import { Slots } from './slots.ts';

/** Tries to connect, the first included; each waits a little longer, so that a backend that restarts is met again. */
const maxTries = 3;
const firstPauseMs = 30;
/** For the body of an answer that is told by its status. */
const statusBodyMs = 200;

export interface BackendEvents {
  /** A request goes out, or ends. */
  onFlight(change: 1 | -1): void;
  /** No connection could be made, and another is tried. */
  onRetry(): void;
}

/** One endpoint of the application, asked by POST: bounded in requests at a time, those that wait, time, and the size of the answer. */
export class Backend {
  readonly #config: ProxyConfig;
  readonly #path: string;
  readonly #pool: Pool;
  readonly #slots: Slots;
  readonly #events: BackendEvents;
  /** Of the requests that are not answered yet. */
  readonly #open = new Set<AbortController>();

  constructor(endpoint: string, config: ProxyConfig, events: BackendEvents) {
    this.#config = config;
    this.#events = events;
    const url = new URL(endpoint);
    this.#path = url.pathname + url.search;
    this.#slots = new Slots(config.max_requests, config.max_queue);
    this.#pool = new Pool(url.origin, {
      connections: config.max_requests,
      // One request a connection: an answer that doesn't come must hold up no other.
      pipelining: 1,
      connect: connectorTo(url, config.http.tls, config.timeout),
      // The deadline is of the whole, and kept here.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Requests that wait for one of those under way to end. */
  get waiting(): number {
    return this.#slots.waiting;
  }

  /** The answer's body. @throws ProxyError */
  async ask(body: Buffer, headers: Readonly<Record<string, string>>): Promise<Buffer> {
    const { timeout } = this.#config;
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(new ProxyError('timeout', `no answer within ${timeout} ms`)), timeout);
    this.#open.add(abort);
    try {
      await this.#slots.enter(body.length, abort.signal);
      this.#events.onFlight(1);
      try {
        return await this.#askUntilSent(body, headers, abort.signal);
      } finally {
        this.#events.onFlight(-1);
        this.#slots.leave();
      }
    } finally {
      clearTimeout(timer);
      this.#open.delete(abort);
    }
  }

  async stop(): Promise<void> {
    for (const abort of this.#open) abort.abort(new ProxyError('stopped', 'this process is stopping'));
    await this.#pool.destroy();
  }

  /** Only what was never sent is tried again: a backend may have acted on the rest. */
  async #askUntilSent(body: Buffer, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Buffer> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#askOnce(body, headers, signal);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const failure =
          error instanceof ProxyError ? error : new ProxyError('broken', 'the connection broke', { cause: error });
        if (failure.code !== 'unreachable' || !failure.retryable || tries >= maxTries) throw failure;
      }
      this.#events.onRetry();
      const pauseMs = firstPauseMs * 2 ** tries * (0.5 + Math.random() / 2);
      await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  async #askOnce(body: Buffer, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Buffer> {
    const request = this.#pool.request({ path: this.#path, method: 'POST', headers, body, signal });
    // A request that still has no connection doesn't hear of the signal.
    const { statusCode, body: answer } = await untilAborted(request, signal);
    if (statusCode !== 200) {
      // What comes with it is read so that the connection can be kept, and not waited for.
      const enough = AbortSignal.any([signal, AbortSignal.timeout(statusBodyMs)]);
      await answer.dump({ limit: this.#config.max_response_size, signal: enough }).catch(() => undefined);
      throw new ProxyError('status', `HTTP status ${statusCode}`, { status: statusCode });
    }
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of answer as AsyncIterable<Buffer>) {
      size += part.length;
      // Leaving the loop ends the connection: the rest is not read.
      if (size > this.#config.max_response_size)
        throw new ProxyError('too-large', `an answer of more than ${this.#config.max_response_size} bytes`);
      parts.push(part);
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, size);
  }
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let giveUp: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp = () => reject(signal.reason as Error);
    signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
    work.catch(() => undefined);
  }
}
