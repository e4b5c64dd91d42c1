import type { PulsarError } from '../errors.ts';
import type { MessageId } from '../message-id.ts';
import type { ProducerMessage } from './producer-config.ts';

/** Publishes to a topic. Made by `Client.createProducer`. */
export interface Producer {
  /**
   * Resolves when the broker has the message. Sent again over reconnects, in order, until then or until `sendTimeoutMs`.
   *
   * Where the broker's deduplication recognised the message, ledger and entry of the id are −1.
   * @throws PulsarError `Timeout`, `ProducerQueueIsFull`, `MessageTooBig`, `InvalidMessage`, `AlreadyClosed`,
   *   `TopicTerminated`, `ProducerFenced` …; its `outcomeUnknown` says whether the topic may have it
   */
  send(message: ProducerMessage): Promise<MessageId>;
  /** Resolves when all that was sent before is settled; rejects with the error of the first that failed. */
  flush(): Promise<null>;
  /** Waits for what is under way, at most `sendTimeoutMs`, then closes. */
  close(): Promise<null>;
  getProducerName(): string;
  getTopic(): string;
  /** Whether all of its partitions are connected. */
  isConnected(): boolean;
  /** Why it takes no more messages: it was closed, or the broker refuses it for good. `undefined` while it does. */
  getFailure(): PulsarError | undefined;
}
