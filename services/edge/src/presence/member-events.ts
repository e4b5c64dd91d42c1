import type { LifecycleEvent, LifecyclePublisher, LivingLog, Publishing } from '@pharos/channels';

interface Step {
  readonly type: LifecycleEvent['type'];
  readonly done: Promise<void>;
  /** Undefined while an earlier step is under way. */
  publishing: Publishing | undefined;
  isCancelled: boolean;
}

/**
 * Joins and leaves on their way into the log: those of one member one after another, those of others beside them. A join that is over before
 * anything of it was sent is never sent, and neither is its leave.
 */
export class MemberEvents {
  readonly #publisher: LifecyclePublisher;
  /** The last step of each member that has any under way. */
  readonly #last = new Map<string, Step>();

  constructor(publisher: LifecyclePublisher) {
    this.#publisher = publisher;
  }

  /** Resolves when the event is in its log, or is not needed there. @throws BusError where it never will be */
  publish(log: LivingLog, event: LifecycleEvent): Promise<void> {
    const key = `${event.info.client} ${event.channel}`;
    const before = this.#last.get(key);
    if (event.type === 'leave' && before?.type === 'join' && this.#withdraw(before)) return before.done;
    const step: Step = {
      type: event.type,
      done: this.#after(before, () => {
        if (step.isCancelled) return Promise.resolve();
        step.publishing = this.#publisher.publish(log, event);
        return step.publishing.done;
      }),
      publishing: undefined,
      isCancelled: false,
    };
    this.#last.set(key, step);
    const forget = (): void => {
      if (this.#last.get(key) === step) this.#last.delete(key);
    };
    step.done.then(forget, forget);
    return step.done;
  }

  async #after(before: Step | undefined, work: () => Promise<void>): Promise<void> {
    await before?.done.catch(() => undefined);
    await work();
  }

  #withdraw(step: Step): boolean {
    if (step.publishing !== undefined) return step.publishing.withdraw();
    step.isCancelled = true;
    return true;
  }
}
