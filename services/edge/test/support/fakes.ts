import { javaStringHash, javaStringHashOfUtf8 } from '@pharos/bytes';
import { type LaneEntry, markerProperty, type PublicationCursor } from '@pharos/bus';
import type { Socket, SocketServer } from '@pharos/socket-server';
import type { Subscriber, Variant } from '../../src/outbound/subscriber.ts';

export interface FakeMessage {
  /** Without one it belongs to the channel `chat`. */
  readonly key?: string;
  readonly data?: string;
  readonly properties?: Readonly<Record<string, string>>;
}

/** A cursor over made-up messages of one entry, as a bus gives it. */
export class FakeCursor implements PublicationCursor {
  readonly buffer: Buffer;
  readonly #messages: readonly FakeMessage[];
  readonly #places: { readonly keyStart: number; readonly dataStart: number; readonly dataEnd: number }[] = [];
  readonly #firstOffset: number;
  #index = -1;

  constructor(messages: readonly FakeMessage[], firstOffset = 1) {
    this.#messages = messages;
    this.#firstOffset = firstOffset;
    const parts: Buffer[] = [];
    let at = 0;
    for (const { key, data = '0' } of messages) {
      const keyStart = key === undefined ? -1 : at;
      const keyBytes = Buffer.from(key ?? '');
      const dataBytes = Buffer.from(data);
      const dataStart = at + keyBytes.length;
      at = dataStart + dataBytes.length;
      this.#places.push({ keyStart, dataStart, dataEnd: at });
      parts.push(keyBytes, dataBytes);
    }
    this.buffer = Buffer.concat(parts);
  }

  next(): boolean {
    if (this.#index + 1 >= this.#messages.length) return false;
    this.#index++;
    return true;
  }

  get offset(): number {
    return this.#firstOffset + this.#index;
  }

  get keyStart(): number {
    return this.#places[this.#index]?.keyStart ?? -1;
  }

  get keyEnd(): number {
    return this.keyStart < 0 ? -1 : this.dataStart;
  }

  get dataStart(): number {
    return this.#places[this.#index]?.dataStart ?? 0;
  }

  get dataEnd(): number {
    return this.#places[this.#index]?.dataEnd ?? 0;
  }

  get hasProperties(): boolean {
    return this.#messages[this.#index]?.properties !== undefined;
  }

  keyHash(): number {
    return this.keyStart < 0 ? javaStringHash('chat') : javaStringHashOfUtf8(this.buffer, this.keyStart, this.keyEnd);
  }

  channel(): string {
    return this.#messages[this.#index]?.key ?? 'chat';
  }

  routed(): boolean {
    return true;
  }

  properties(): ReadonlyMap<string, string> {
    return new Map(Object.entries(this.#messages[this.#index]?.properties ?? {}));
  }

  readable(): boolean {
    return true;
  }

  isMarker(): boolean {
    return this.properties().has(markerProperty);
  }

  position(): string {
    return String(this.offset);
  }
}

/** The cursor on its first message. */
export function cursorAt(message: FakeMessage, offset = 1): FakeCursor {
  const cursor = new FakeCursor([message], offset);
  cursor.next();
  return cursor;
}

export interface Published {
  readonly topic: string;
  /** In hexadecimal digits where it is binary. */
  readonly text: string;
}

/** Keeps what is published, copied as a real server does. */
export class RecordingServer implements SocketServer {
  readonly implementation = 'ws';
  readonly published: Published[] = [];
  readonly certificate = undefined;

  publish(topic: string, message: string | Uint8Array, isBinary: boolean): void {
    const bytes = Buffer.from(message as Uint8Array);
    this.published.push({ topic, text: isBinary ? bytes.toString('hex') : bytes.toString() });
  }

  subscribers(): number {
    return 0;
  }

  webSocket(): void {}

  http(): void {}

  listen(): Promise<number> {
    return Promise.resolve(0);
  }

  reloadCertificate(): Promise<boolean> {
    return Promise.resolve(false);
  }

  pauseAccepting(): void {}

  flushed(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

/** A subscriber with as much buffered as the test says. */
export class FakeSubscriber implements Subscriber {
  readonly variant: Variant;
  readonly socket: Socket<unknown>;
  readonly topics: Set<string> = new Set();
  buffered = 0;
  slow = 0;
  looked = 0;
  readonly insufficient: string[] = [];
  onInsufficient: (channel: string) => void = () => undefined;

  constructor(variant: Variant = 'json') {
    this.variant = variant;
    this.socket = {
      data: undefined,
      closed: false,
      remoteAddress: '127.0.0.1',
      send: () => true,
      bufferedAmount: () => {
        this.looked++;
        return this.buffered;
      },
      subscribe: (topic) => {
        this.topics.add(topic);
        return true;
      },
      unsubscribe: (topic) => this.topics.delete(topic),
      end: () => undefined,
      terminate: () => undefined,
      cork: (write) => write(),
    };
  }

  disconnectSlow(): void {
    this.slow++;
  }

  insufficientState(channel: string): void {
    this.insufficient.push(channel);
    this.onInsufficient(channel);
  }
}

/** An entry over made-up messages, as a bus gives it; it stays as it is. */
export function fakeEntry(messages: readonly FakeMessage[], firstOffset: number, publishTimeMs = 0): LaneEntry {
  const entry: LaneEntry = {
    lane: 0,
    firstOffset,
    count: messages.length,
    bytes: messages.reduce((sum, { key = '', data = '0' }) => sum + key.length + data.length, 0),
    publishTimeMs,
    position: String(firstOffset + messages.length - 1),
    publications: () => new FakeCursor(messages, firstOffset),
    retain: () => entry,
  };
  return entry;
}

/** The key hashes of its messages. */
export function hashesOf(entry: LaneEntry): Int32Array {
  const hashes: number[] = [];
  for (const cursor = entry.publications(); cursor.next(); ) hashes.push(cursor.keyHash());
  return Int32Array.from(hashes);
}
