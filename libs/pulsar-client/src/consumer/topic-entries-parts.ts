import type { AckSettings } from './ack-queue.ts';
import type { Entry, EntryConsumerEvent } from './entry-consumer.ts';
import type { FlowPool } from './flow.ts';
import type { StartPosition, SubscribeTerms } from './start-position.ts';

export interface TopicEntriesParts {
  /** Full name, plain or a partition. */
  readonly topic: string;
  /** −1: not a partition. */
  readonly partition: number;
  readonly subscription: string;
  readonly command: SubscribeTerms;
  /** Of a non-durable subscription; `undefined`: durable, the broker keeps the position. */
  readonly start: StartPosition | undefined;
  /** Permits at most. */
  readonly window: number;
  /** What it may hold, together with others. */
  readonly pool: FlowPool;
  /** @default each turn's at once, without a word from the broker */
  readonly acks?: AckSettings;
  /** The queue is no more empty. */
  readonly readable: () => void;
  readonly event: (event: EntryConsumerEvent) => void;
  /** Whether an entry that arrived is taken care of, and not queued. */
  readonly divert?: ((entry: Entry) => boolean) | undefined;
  /** What was queued is void: it comes again, or is not wanted any more. */
  readonly cleared: () => void;
}
