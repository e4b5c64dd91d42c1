import { type MessageIdData, subType } from '../wire/index.ts';
import type { TopicEntriesParts } from './topic-entries-parts.ts';

/** Long enough that a topic with traffic costs nothing, and short beside a broker's looks at what it may let go of. */
const quietMs = 1000;

/** The types of subscription that take acknowledgements up to a message. */
const keepsOrder: ReadonlySet<number> = new Set([subType.exclusive, subType.failover]);

export function acknowledgesDrained({ start, topic, command }: TopicEntriesParts): boolean {
  return start !== undefined && topic.startsWith('persistent:') && keepsOrder.has(command.subType);
}

/**
 * Acknowledges what a subscription that lives with its consumer has got, each time that nothing has come for a while. Nobody reads
 * on from there; but a broker sends a consumer to another cluster only when nothing of its subscription is unacknowledged.
 */
export class DrainedAcks {
  readonly #acknowledge: (upTo: MessageIdData) => void;
  #last: MessageIdData | undefined;
  #quiet = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(acknowledge: (upTo: MessageIdData) => void) {
    this.#acknowledge = acknowledge;
  }

  arrived(id: MessageIdData): void {
    this.#last = id;
    this.#quiet = false;
    if (this.#timer === undefined) this.#wait();
  }

  /** What has come is nothing to whom it attaches to next. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#last = undefined;
  }

  #wait(): void {
    this.#quiet = true;
    this.#timer = setTimeout(() => this.#look(), quietMs).unref();
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#last === undefined) return;
    const { ledgerId, entryId } = this.#last;
    if (this.#quiet) this.#acknowledge({ ledgerId, entryId });
    else this.#wait();
  }
}
