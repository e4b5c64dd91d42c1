import {
  type Client,
  type Entry,
  type EntryConsumer,
  type EntryConsumerConfig,
  type EntryConsumerEvent,
  MessageId,
} from '@pharos/pulsar-client';
import { BusError } from '../errors.ts';
import type { EntryStream, StreamListener, StreamStart } from './entry-stream.ts';
import { toBusError } from './pulsar-errors.ts';

export interface ClientStreamParts {
  readonly client: Client;
  /** A plain topic or one partition. */
  readonly topic: string;
  /** Must be a name that the broker never had. */
  readonly subscription: string;
  readonly type: 'failover' | 'exclusive';
  readonly queueBytes: number;
  readonly session: number;
  readonly start: StreamStart;
}

/** A lane's entries by a non-durable subscription of the Pulsar client, up to the first loss of its connection. */
export class ClientStream implements EntryStream {
  readonly session: number;
  readonly #topic: string;
  #consumer: EntryConsumer | undefined;
  #returned: Entry[] = [];
  #listener: StreamListener | undefined;
  #end: BusError | undefined;

  private constructor(parts: ClientStreamParts) {
    this.session = parts.session;
    this.#topic = parts.topic;
  }

  /** @throws BusError `unreachable`, `refused`, `log-ended` */
  static async open(parts: ClientStreamParts): Promise<ClientStream> {
    const stream = new ClientStream(parts);
    try {
      stream.#consumer = await parts.client.subscribeEntries({
        topic: parts.topic,
        subscription: parts.subscription,
        subscriptionType: parts.type === 'failover' ? 'Failover' : 'Exclusive',
        durable: false,
        ...startOf(parts.start),
        receiverQueueBytes: parts.queueBytes,
        onReadable: () => stream.#listener?.readable(),
        onEvent: (event) => stream.#event(event),
      });
      return stream;
    } catch (error) {
      throw toBusError(error, `following ${parts.topic}`);
    }
  }

  get readable(): boolean {
    return this.#returned.length > 0 || (this.#consumer?.queuedEntries ?? 0) > 0;
  }

  get end(): BusError | undefined {
    return this.#end;
  }

  take(): Entry | undefined {
    return this.#returned.pop() ?? this.#consumer?.tryReceive();
  }

  putBack(entry: Entry): void {
    this.#returned.push(entry);
  }

  listen(listener: StreamListener): void {
    this.#listener = listener;
  }

  async newest(): Promise<{ readonly ledgerId: bigint; readonly entryId: bigint } | undefined> {
    try {
      const id = await this.#consumer?.getLastMessageId();
      return id === undefined || id.entryId < 0n ? undefined : { ledgerId: id.ledgerId, entryId: id.entryId };
    } catch (error) {
      throw toBusError(error, `asking for the newest message of ${this.#topic}`);
    }
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    this.#returned = [];
    const consumer = this.#consumer;
    this.#consumer = undefined;
    await consumer?.close();
  }

  #event(event: EntryConsumerEvent): void {
    if (event.type === 'terminated') this.#over(new BusError('log-ended', `${this.#topic} was terminated`));
    else if (event.type === 'disconnected') {
      const options = { cause: event.error };
      this.#over(new BusError('unreachable', `the connection to ${this.#topic} was lost`, options));
    } else if (event.type === 'closed' && event.error !== undefined) {
      this.#over(toBusError(event.error, `following ${this.#topic}`));
    }
  }

  #over(error: BusError): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    this.#listener?.ended(error);
  }
}

type Start = Pick<EntryConsumerConfig, 'startMessageId' | 'startMessageIdInclusive' | 'startMessageRollbackSeconds'>;

function startOf(start: StreamStart): Start {
  switch (start.at) {
    case 'entry':
      return { startMessageId: new MessageId(start.ledgerId, start.entryId), startMessageIdInclusive: true };
    case 'recent':
      return { startMessageRollbackSeconds: Math.max(1, Math.ceil(start.maxAgeMs / 1000)) };
    default:
      return { startMessageId: start.at === 'earliest' ? MessageId.earliest() : MessageId.latest() };
  }
}
