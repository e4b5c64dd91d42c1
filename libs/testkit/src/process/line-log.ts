import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import { Deferred, DeadlineExceeded, withDeadline } from '@pharos/lifecycle';
import { TestkitError } from '../errors.ts';

interface Waiter {
  readonly pattern: RegExp;
  readonly found: Deferred<RegExpExecArray>;
}

export interface LineWaitOptions {
  /** @default 90000 */
  readonly timeoutMs?: number;
  /** Number of the first line to look at, as {@link LineLog.count} gave it. @default 0, all that came since the start */
  readonly from?: number;
}

const defaultTimeoutMs = 90_000;
/** Against a process that prints without end; a test that reads more wants a file. */
const maxLines = 500_000;
const tailLines = 20;

/** The lines that a process has printed on one of its outputs. */
export class LineLog {
  readonly #name: string;
  readonly #waiters = new Set<Waiter>();
  readonly #decoder = new StringDecoder('utf8');
  #lines: string[] = [];
  #dropped = 0;
  #rest = '';
  #ended = false;

  constructor(name: string, source: Readable) {
    this.#name = name;
    source.on('data', (chunk: Buffer) => this.#take(this.#decoder.write(chunk)));
    source.once('close', () => this.#end());
  }

  /** The lines that are kept, without their line ends: the newest 500,000 at least. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** How many lines have come, those counted that are no longer kept. */
  get count(): number {
    return this.#dropped + this.#lines.length;
  }

  /** The last lines, for messages. */
  tail(): string {
    return this.#lines.slice(-tailLines).join('\n');
  }

  /**
   * The match of the first line that `pattern` matches, whether it has come already or is still to come.
   * Throws `wait-timeout`, or `not-running` where the output ended without such a line.
   */
  async waitFor(pattern: RegExp, options: LineWaitOptions = {}): Promise<RegExpExecArray> {
    // With `g` or `y` an expression remembers where it stopped, and would miss the next line.
    const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
    const start = Math.max(0, (options.from ?? 0) - this.#dropped);
    for (let i = start; i < this.#lines.length; i++) {
      const match = stateless.exec(this.#lines[i] as string);
      if (match !== null) return match;
    }
    if (this.#ended) throw this.#endedWithout(stateless);
    const waiter: Waiter = { pattern: stateless, found: new Deferred() };
    this.#waiters.add(waiter);
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    try {
      return await withDeadline(waiter.found.promise, timeoutMs, `a line that matches ${stateless}`);
    } catch (error) {
      if (!(error instanceof DeadlineExceeded)) throw error;
      const message = `no line of ${this.#name} matched ${stateless} in ${timeoutMs} ms; the last were:\n${this.tail()}`;
      throw new TestkitError('wait-timeout', message, { cause: error });
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  #take(text: string): void {
    const parts = (this.#rest + text).split('\n');
    this.#rest = parts.pop() ?? '';
    for (const part of parts) this.#add(part.endsWith('\r') ? part.slice(0, -1) : part);
  }

  #add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length >= 2 * maxLines) {
      // Half at a time, so that a line costs no shifting of all the others.
      this.#lines = this.#lines.slice(maxLines);
      this.#dropped += maxLines;
    }
    for (const waiter of this.#waiters) {
      const match = waiter.pattern.exec(line);
      if (match !== null) waiter.found.resolve(match);
    }
  }

  #end(): void {
    this.#take(this.#decoder.end());
    if (this.#rest !== '') this.#add(this.#rest);
    this.#rest = '';
    this.#ended = true;
    for (const waiter of this.#waiters) waiter.found.reject(this.#endedWithout(waiter.pattern));
  }

  #endedWithout(pattern: RegExp): TestkitError {
    const message = `${this.#name} ended without a line that matches ${pattern}; the last were:\n${this.tail()}`;
    return new TestkitError('not-running', message);
  }
}
