import type { Tally } from '../measure/tally.ts';
import type { Payload } from './commands.ts';
import type { Publication, Reply, SubscribeReply } from '../../clients/reply.ts';
import { Connection, type ConnectionEnd } from './connection.ts';
import { publisherOf } from './publisher.ts';
import { Sequence } from './sequence.ts';

export interface LoadClientOptions {
  readonly channel: string;
  /** Where it connects with each attempt, from 0 on. */
  readonly url: (attempt: number) => string;
  readonly token: string | undefined;
  readonly joinLeave: boolean;
  /** Not again, where a connection fails or ends. */
  readonly once: boolean;
  readonly tally: Tally;
  /** Called for joins and leaves that it is told of. */
  readonly moved: (kind: 'join' | 'leave', id: string) => void;
  /** Called when it comes in and when it is out. */
  readonly changed: (isIn: boolean) => void;
}

const minBackoffMs = 100;
const maxBackoffMs = 5_000;
const slowCode = 3_008;
/** A subscription that was ended with this code or a higher one is to be made again. */
const resubscribeFrom = 2_500;
const connectId = 1;
const subscribeId = 2;

type State = 'away' | 'coming' | 'in';

/** A client in one channel, which counts and times what it sees, and comes back and resumes as the official SDKs do. */
export class LoadClient {
  readonly #options: LoadClientOptions;
  /** By session. */
  readonly #sequences = new Map<string, Sequence>();
  /** Publishers whose sessions are seen from their first number on. */
  readonly #followed = new Set<string>();
  #connection: Connection | undefined;
  #state: State = 'away';
  #isOver = false;
  /** It has not read for a while: its own times say nothing of the server. */
  #isSlow = false;
  /** Its id at the server, of the newest connection. */
  #id = '';
  #attempts = 0;
  #failures = 0;
  #beganAt = 0;
  #cutAt: number | undefined;
  #position: { offset: number; readonly epoch: string } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LoadClientOptions) {
    this.#options = options;
  }

  get isIn(): boolean {
    return this.#state === 'in';
  }

  /** It has begun to connect, and neither is in nor has failed. */
  get isComing(): boolean {
    return this.#state === 'coming';
  }

  get id(): string {
    return this.#id;
  }

  get channel(): string {
    return this.#options.channel;
  }

  connect(): void {
    const { tally, url, token, channel } = this.#options;
    tally.count('attempts');
    this.#state = 'coming';
    this.#beganAt = performance.now();
    const connection = new Connection(url(this.#attempts++), {
      // Both at once, as the SDKs do.
      opened: () =>
        connection.send(
          { id: connectId, connect: token === undefined ? {} : { token } },
          this.#subscribeCommand(channel),
        ),
      reply: (reply) => {
        if (connection === this.#connection) this.#reply(connection, reply);
      },
      ended: (end) => {
        if (connection === this.#connection) this.#ended(end);
      },
    });
    this.#connection = connection;
  }

  /** This publisher's sessions are to begin with number 1 from now on. */
  expect(publisher: string): void {
    this.#followed.add(publisher);
  }

  /** Loses its connection without a word, and comes back. */
  cut(): void {
    this.#cutAt = performance.now();
    const connection = this.#connection;
    this.#connection = undefined;
    if (this.#state === 'coming') this.#options.tally.count('abandoned');
    this.#out();
    connection?.cut();
    this.#comeBack();
  }

  read(on: boolean): void {
    this.#isSlow = true;
    this.#connection?.read(on);
  }

  /** Says good-bye, and stays away. */
  leave(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    const connection = this.#connection;
    this.#connection = undefined;
    if (this.#state === 'coming') this.#options.tally.count('abandoned');
    this.#out();
    connection?.close();
  }

  /** How many publications of a session up to this number haven't come. */
  behind(session: string, acknowledged: number): number {
    const sequence = this.#sequences.get(session);
    if (sequence !== undefined) return sequence.behind(acknowledged);
    return this.#followed.has(publisherOf(session)) ? acknowledged : 0;
  }

  excuse(session: string, numbers: readonly number[]): void {
    this.#sequences.get(session)?.excuse(numbers, this.#options.tally);
  }

  #subscribeCommand(channel: string): object {
    const recover = this.#position === undefined ? {} : { recover: true, ...this.#position };
    const joinLeave = this.#options.joinLeave ? { join_leave: true } : {};
    const subscribe = { channel, recoverable: true, positioned: true, ...joinLeave, ...recover };
    return { id: subscribeId, subscribe };
  }

  #reply(connection: Connection, { id, error, connect, subscribe, push }: Reply): void {
    const { tally, moved } = this.#options;
    if (push?.pub !== undefined) this.#publication(push.pub);
    else if (push?.join !== undefined) moved('join', push.join.info.client);
    else if (push?.leave !== undefined) moved('leave', push.leave.info.client);
    else if (push?.unsubscribe !== undefined) {
      // The server ends the connection where the code says that this is final.
      if (push.unsubscribe.code >= resubscribeFrom) connection.send(this.#subscribeCommand(this.channel));
    } else if (error !== undefined) {
      tally.refusal(`error ${error.code}`);
      connection.cut();
    } else if (connect !== undefined) this.#id = connect.client;
    else if (id === subscribeId && subscribe !== undefined) this.#subscribed(subscribe);
  }

  #subscribed(answer: SubscribeReply): void {
    const { tally, changed } = this.#options;
    const { offset = 0, epoch = '', recoverable = false, was_recovering: wasRecovering = false } = answer;
    const now = performance.now();
    if (this.#state === 'coming') {
      this.#state = 'in';
      this.#failures = 0;
      tally.count('in');
      tally.durations.connect.add(now - this.#beganAt);
      if (this.#cutAt !== undefined) tally.durations.return.add(now - this.#cutAt);
      this.#cutAt = undefined;
      changed(true);
    }
    if (wasRecovering) {
      tally.count('resumes');
      if (answer.recovered === true) tally.count('recovered');
      else for (const sequence of this.#sequences.values()) sequence.told();
    }
    for (const publication of answer.publications ?? []) this.#publication(publication);
    if (recoverable) this.#position = { offset, epoch };
  }

  #publication({ offset, data }: Publication): void {
    const { tally } = this.#options;
    if (offset !== undefined && this.#position !== undefined) this.#position.offset = offset;
    // Somebody else may publish there too.
    if (!isPayload(data)) return;
    tally.count('deliveries');
    if (!this.#isSlow) tally.durations.delivery.add(Date.now() - data.t);
    this.#sequenceOf(data).take(data.n, tally);
  }

  #sequenceOf({ p: session, n: number }: Payload): Sequence {
    let sequence = this.#sequences.get(session);
    if (sequence === undefined) {
      const publisher = publisherOf(session);
      // Who comes in the middle hasn't lost what was before.
      sequence = new Sequence(this.#followed.has(publisher) ? 0 : number - 1);
      this.#followed.add(publisher);
      this.#sequences.set(session, sequence);
    }
    return sequence;
  }

  #ended({ code, status, retryAfter }: ConnectionEnd): void {
    const { tally } = this.#options;
    this.#connection = undefined;
    if (this.#state === 'in') {
      tally.count('dropped');
      tally.closed(code);
      if (code === slowCode) tally.count('slow');
    } else {
      this.#failures++;
      const isRefusal = (status === 503 || status === 429) && retryAfter;
      tally.count(isRefusal ? 'refused' : 'failed');
      tally.refusal(status === undefined ? `close ${code}` : `HTTP ${status}`);
    }
    this.#out();
    this.#comeBack();
  }

  #out(): void {
    const was = this.#state;
    this.#state = 'away';
    if (was === 'in') this.#options.changed(false);
  }

  /** As the SDKs do: at random, within a time that doubles with each failure. */
  #comeBack(): void {
    if (this.#isOver || this.#options.once) return;
    const most = Math.min(maxBackoffMs, minBackoffMs * 2 ** (this.#failures + 1));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.connect(), minBackoffMs + Math.random() * (most - minBackoffMs));
  }
}

function isPayload(data: unknown): data is Payload {
  return typeof data === 'object' && data !== null && 'p' in data && 'n' in data && 't' in data;
}
