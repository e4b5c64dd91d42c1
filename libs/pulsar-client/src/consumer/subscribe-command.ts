import { type CommandSubscribe, initialPosition } from '../wire/index.ts';
import { madeUpName } from './subscription.ts';
import type { TopicEntriesParts } from './topic-entries-parts.ts';

/** What SUBSCRIBE says, each time that one subscription attaches. */
export class SubscribeCommand {
  readonly #parts: Pick<TopicEntriesParts, 'topic' | 'subscription' | 'command' | 'start'>;
  /** What another cluster is told in place of what is in the parts. */
  #instead: Partial<CommandSubscribe> = {};

  constructor(parts: Pick<TopicEntriesParts, 'topic' | 'subscription' | 'command' | 'start'>) {
    this.#parts = parts;
  }

  build(ids: Pick<CommandSubscribe, 'consumerId' | 'requestId' | 'consumerEpoch'>): CommandSubscribe {
    const { topic, subscription, command, start } = this.#parts;
    return { ...command, topic, subscription, ...start?.command, ...ids, ...this.#instead };
  }

  /** The topic lives on another cluster. */
  elsewhere(): void {
    const { start, subscription } = this.#parts;
    start?.elsewhere();
    this.#instead =
      start === undefined
        ? // Producers go there first, and a subscription that isn't there yet would miss what they have published.
          { initialPosition: initialPosition.earliest }
        : // Brokers may make a durable subscription there for each of the topic's, and a name is of one kind only.
          { subscription: `${subscription}-${madeUpName()}` };
  }
}
