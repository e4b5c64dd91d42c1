import { PassThrough, Writable } from 'node:stream';
import type { ReceivedMessage } from '../src/message-text.ts';
import type { Stop } from '../src/stop.ts';
import type { Terminal } from '../src/terminal.ts';

/** A stop that the test pulls. */
export class FakeStop implements Stop {
  readonly exitStatus: number = 130;
  readonly #listeners = new Set<() => void>();
  #requested = false;

  pull(): void {
    this.#requested = true;
    for (const listener of this.#listeners) listener();
  }

  isRequested(): boolean {
    return this.#requested;
  }

  onStop(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Who still listens; none may be left when a run is over. */
  get listeners(): number {
    return this.#listeners.size;
  }
}

export class TextSink extends Writable {
  text = '';
  /** Called with all the text after each write. */
  onText: (text: string) => void = () => undefined;

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.text += chunk.toString('latin1');
    done();
    this.onText(this.text);
  }
}

export interface FakeTerminal extends Terminal {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
}

export function fakeTerminal(env: Record<string, string> = {}): FakeTerminal {
  return { stdin: new PassThrough(), stdout: new TextSink(), stderr: new TextSink(), env };
}

export interface FakeMessageOptions {
  readonly key?: string;
  readonly properties?: Record<string, string>;
}

export function fakeMessage(data: string | Buffer, options: FakeMessageOptions = {}): ReceivedMessage {
  return {
    getTopicName: () => 'persistent://public/default/chat',
    getPartitionKey: () => options.key ?? '',
    getData: () => Buffer.from(data),
    getProperties: () => options.properties ?? {},
    getPublishTimestamp: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    getMessageId: () => ({ toString: () => '(1,2,-1,0)' }),
    getRedeliveryCount: () => 3,
  };
}
