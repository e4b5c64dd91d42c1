import type { Fields } from '@pharos/client-protocol';
import { type Logger, ThrottledLog } from '@pharos/telemetry';
import { type Answer, readAnswer, transformed } from './answer.ts';
import { Backend } from './backend.ts';
import type { ProxyConfig } from './config.ts';
import { ProxyError } from './errors.ts';
import type { ProxyMetrics } from './metrics.ts';
import { type AskingClient, bodyOf, headersOf, type Question } from './request.ts';
import type { LeftOut } from './results.ts';

export type ProxyKind = 'connect' | 'refresh' | 'subscribe' | 'publish' | 'sub_refresh' | 'rpc';

/** While a backend is away every request fails. */
const failureLogMs = 10_000;
/** What a backend always sends is told once in a while. */
const leftOutLogMs = 600_000;

export interface ProxyOptions {
  readonly kind: ProxyKind;
  /** As the configuration has it. */
  readonly name: string;
  readonly endpoint: string;
  readonly config: ProxyConfig;
  readonly metrics: ProxyMetrics;
  readonly logger: Logger;
}

/** Asks the application one kind of question. */
export class Proxy {
  readonly #options: ProxyOptions;
  readonly #backend: Backend;
  readonly #failures: ThrottledLog;
  readonly #leftOut: ThrottledLog;
  readonly #leftOutNames = new Set<string>();
  readonly #open = new Set<Promise<unknown>>();
  #lastFailure: unknown;

  constructor(options: ProxyOptions) {
    this.#options = options;
    const { kind, name: proxy, config, metrics, logger, endpoint } = options;
    const labels = { kind, proxy };
    this.#backend = new Backend(endpoint, config, {
      onFlight: (change) => metrics.inFlight.inc(labels, change),
      onRetry: () => metrics.retries.inc(labels),
    });
    this.#failures = new ThrottledLog(failureLogMs, (times) =>
      logger.warn(
        { err: this.#lastFailure, kind, proxy, times },
        "the application's backend gave no answer; the last one so",
      ),
    );
    this.#leftOut = new ThrottledLog(leftOutLogMs, () => {
      const names = [...this.#leftOutNames].join(', ');
      logger.warn({ kind, proxy, names }, "the backend's answers have members that Pharos has not; they are left out");
    });
  }

  get kind(): ProxyKind {
    return this.#options.kind;
  }

  get name(): string {
    return this.#options.name;
  }

  get config(): ProxyConfig {
    return this.#options.config;
  }

  get waiting(): number {
    return this.#backend.waiting;
  }

  /** @throws ProxyError, which is counted and logged here */
  async ask<Result>(
    asking: AskingClient,
    question: Question,
    result: (fields: Fields, leftOut: LeftOut) => Result,
  ): Promise<Answer<Result>> {
    const { kind, name: proxy, config, metrics } = this.#options;
    const labels = { kind, proxy };
    const end = metrics.seconds.startTimer(labels);
    let outcome = 'error';
    try {
      const asked = this.#answer(bodyOf(config, asking, question), headersOf(config, asking), result);
      const answer = await this.#whileOpen(asked);
      outcome = 'result' in answer ? 'ok' : 'error' in answer ? 'error' : 'disconnect';
      return answer;
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      outcome = error.code.replaceAll('-', '_');
      // A client's doing, and the process's own.
      if (error.code !== 'not-json' && error.code !== 'stopped') {
        this.#lastFailure = error;
        this.#failures.note();
      }
      throw error;
    } finally {
      end();
      metrics.calls.inc({ ...labels, outcome });
    }
  }

  /** Resolves when nothing is asked of it. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled(this.#open);
  }

  async stop(): Promise<void> {
    await this.#backend.stop();
    this.#failures.stop();
    this.#leftOut.stop();
  }

  async #answer<Result>(
    body: Buffer,
    headers: Readonly<Record<string, string>>,
    result: (fields: Fields, leftOut: LeftOut) => Result,
  ): Promise<Answer<Result>> {
    try {
      const answer = await this.#backend.ask(body, headers);
      return readAnswer(answer, (fields) => result(fields, (name) => this.#noteLeftOut(name)));
    } catch (error) {
      if (!(error instanceof ProxyError) || error.status === undefined) throw error;
      const meant = transformed(error.status, this.#options.config.http.status_to_code_transforms);
      if (meant === undefined) throw error;
      return meant;
    }
  }

  async #whileOpen<T>(asked: Promise<T>): Promise<T> {
    this.#open.add(asked);
    try {
      return await asked;
    } finally {
      this.#open.delete(asked);
    }
  }

  #noteLeftOut(name: string): void {
    if (this.#leftOutNames.has(name)) return;
    this.#leftOutNames.add(name);
    this.#leftOut.note();
  }
}
