import type { Tally } from '../measure/tally.ts';
import type { Payload, Published, PublisherSpec } from './commands.ts';
import type { Reply } from '../../clients/reply.ts';
import { Connection } from './connection.ts';

/** More that wait for their acknowledgement are withheld: the server is behind. An edge takes 256 of one connection. */
const maxWaiting = 200;
const reconnectMs = 200;
const connectId = 1;

/** The publisher whose session this is. */
export function publisherOf(session: string): string {
  return session.slice(0, session.lastIndexOf('.'));
}

interface Session {
  readonly name: string;
  next: number;
  acknowledged: number;
  readonly unknown: number[];
}

/**
 * Publishes numbers at an even pace. Each connection is a session with numbers of its own: what of an earlier one isn't acknowledged may yet
 * come into the log, after what the next one publishes.
 */
export class Publisher {
  readonly #spec: PublisherSpec;
  readonly #url: (attempt: number) => string;
  readonly #token: string | undefined;
  readonly #padding: string;
  readonly #tally: Tally;
  readonly #sessions: Session[] = [];
  readonly #waiting = new Map<
    number,
    { readonly session: Session; readonly number: number; readonly sentAt: number }
  >();
  #connection: Connection | undefined;
  #current: Session | undefined;
  #attempts = 0;
  #nextId = connectId + 1;
  #perSecond: number;
  #due = 0;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;
  #idle: (() => void) | undefined;

  constructor(
    spec: PublisherSpec,
    options: {
      readonly url: (attempt: number) => string;
      readonly token: string | undefined;
      readonly padBytes: number;
      readonly tally: Tally;
    },
  ) {
    this.#spec = spec;
    this.#url = options.url;
    this.#token = options.token;
    this.#padding = 'x'.repeat(options.padBytes);
    this.#tally = options.tally;
    this.#perSecond = spec.perSecond;
  }

  /** Its connection stands. */
  get isReady(): boolean {
    return this.#current !== undefined;
  }

  set perSecond(value: number) {
    this.#perSecond = value;
  }

  connect(): void {
    const connection = new Connection(this.#url(this.#attempts++), {
      opened: () =>
        connection.send({ id: connectId, connect: this.#token === undefined ? {} : { token: this.#token } }),
      reply: (reply) => this.#reply(connection, reply),
      ended: () => this.#ended(),
    });
    this.#connection = connection;
  }

  /** Publishes what has become due in this time. */
  tick(elapsedMs: number): void {
    this.#due += (elapsedMs / 1_000) * this.#perSecond;
    while (this.#due >= 1) {
      this.#due--;
      this.#publish();
    }
  }

  /** Resolves when the outcome of everything is known. */
  async finish(): Promise<Published[]> {
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (this.#waiting.size > 0 && this.#connection !== undefined) {
      await new Promise<void>((resolve) => (this.#idle = resolve));
    }
    this.#connection?.close();
    const { channel } = this.#spec;
    return this.#sessions.map(({ name, acknowledged, unknown }) => ({ session: name, channel, acknowledged, unknown }));
  }

  #publish(): void {
    const session = this.#current;
    if (session === undefined || this.#waiting.size >= maxWaiting) {
      // What waited for a connection would be many at once.
      this.#tally.count('withheld');
      return;
    }
    const id = this.#nextId++;
    const payload: Payload = { p: session.name, n: session.next, t: Date.now() };
    this.#waiting.set(id, { session, number: session.next++, sentAt: performance.now() });
    this.#tally.count('published');
    this.#connection?.send({ id, publish: { channel: this.#spec.channel, data: { ...payload, x: this.#padding } } });
  }

  #reply(connection: Connection, { id, error, connect }: Reply): void {
    if (connect !== undefined) {
      const name = `${this.#spec.name}.${this.#sessions.length}`;
      this.#current = { name, next: 1, acknowledged: 0, unknown: [] };
      this.#sessions.push(this.#current);
      return;
    }
    if (id === connectId && error !== undefined) return connection.cut();
    const waiting = this.#waiting.get(id ?? 0);
    if (id === undefined || waiting === undefined) return;
    this.#waiting.delete(id);
    const { session, number, sentAt } = waiting;
    if (error === undefined) {
      this.#tally.count('acknowledged');
      this.#tally.durations.acknowledge.add(performance.now() - sentAt);
      session.acknowledged = Math.max(session.acknowledged, number);
    } else {
      this.#tally.refusal(`publish: error ${error.code}`);
      this.#unknown(session, number);
    }
    if (this.#waiting.size === 0) this.#idle?.();
  }

  #unknown(session: Session, number: number): void {
    this.#tally.count('unacknowledged');
    session.unknown.push(number);
  }

  #ended(): void {
    this.#connection = undefined;
    this.#current = undefined;
    for (const { session, number } of this.#waiting.values()) this.#unknown(session, number);
    this.#waiting.clear();
    this.#idle?.();
    if (!this.#isOver) this.#timer = setTimeout(() => this.connect(), reconnectMs);
  }
}
