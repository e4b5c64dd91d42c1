import { randomUUID } from 'node:crypto';
import type { Client, EntryConsumer, EntryConsumerEvent } from '@pharos/pulsar-client';
import { BusError } from '../errors.ts';
import type { GroupHandler, GroupSpec, LaneGroup } from '../port.ts';
import { parsePosition } from './position.ts';
import { toBusError } from './pulsar-errors.ts';

export interface PulsarGroupParts {
  readonly client: Client;
  readonly topic: string;
  /** The topic or partition of each lane. */
  readonly laneTopics: readonly string[];
  readonly spec: GroupSpec;
  readonly handler: GroupHandler;
  readonly onClose: (group: PulsarGroup) => void;
}

/**
 * A member of a group: a durable Failover subscription, to which the broker may deliver nothing. Its messages are read by tails, which begin
 * anywhere without a seek that would disturb the other members, and judge holes; the subscription is there to be active in, and
 * for its cursor, which keeps from retention what isn't done with.
 */
export class PulsarGroup implements LaneGroup {
  readonly #parts: PulsarGroupParts;
  #consumers: readonly EntryConsumer[] = [];
  readonly #active = new Set<number>();
  /** One in all lanes: the broker deals lanes out by the order of the members' names, evenly only where that is the same everywhere. */
  readonly #member: string;
  #over = false;

  private constructor(parts: PulsarGroupParts) {
    this.#parts = parts;
    this.#member = parts.spec.member ?? `pharos-${randomUUID()}`;
  }

  /** @throws BusError `unreachable`, `refused`, `subscription-busy`, `log-ended` */
  static async join(parts: PulsarGroupParts): Promise<PulsarGroup> {
    const group = new PulsarGroup(parts);
    const joined = await Promise.allSettled(parts.laneTopics.map((topic, lane) => group.#subscribe(topic, lane)));
    group.#consumers = joined.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const failure = joined.find((outcome) => outcome.status === 'rejected');
    if (failure === undefined) return group;
    await group.close();
    throw toBusError(failure.reason, `joining '${parts.spec.group}' on ${parts.topic}`);
  }

  async ackThrough(lane: number, position: string): Promise<void> {
    const { ledgerId, entryId } = parsePosition(position);
    const consumer = this.#consumer(lane);
    try {
      await consumer.acknowledgeEntriesThrough({ messageId: { ledgerId, entryId } });
    } catch (error) {
      throw toBusError(error, `acknowledging for '${this.#parts.spec.group}' on ${consumer.topic}`);
    }
  }

  async acknowledged(lane: number): Promise<(position: string) => boolean> {
    const consumer = this.#consumer(lane);
    try {
      const through = await consumer.getAcknowledgedThrough();
      if (through === undefined) return () => false;
      return (position) => {
        const { ledgerId, entryId } = parsePosition(position);
        return ledgerId === through.ledgerId ? entryId <= through.entryId : ledgerId < through.ledgerId;
      };
    } catch (error) {
      throw toBusError(error, `asking what '${this.#parts.spec.group}' has done on ${consumer.topic}`);
    }
  }

  async close(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#parts.onClose(this);
    // The broker forgets one that doesn't close with its connection at the latest.
    await Promise.allSettled(this.#consumers.map((consumer) => consumer.close()));
  }

  #subscribe(topic: string, lane: number): Promise<EntryConsumer> {
    const { client, spec } = this.#parts;
    return client.subscribeEntries({
      topic,
      subscription: spec.group,
      subscriptionType: 'Failover',
      durable: true,
      subscriptionInitialPosition: 'Earliest',
      receiverQueueSize: 0,
      consumerName: this.#member,
      onEvent: (event) => this.#event(event, lane),
    });
  }

  #event(event: EntryConsumerEvent, lane: number): void {
    if (this.#over) return;
    if (event.type === 'active') this.#setActive(lane, event.active);
    else if (event.type === 'disconnected') this.#setActive(lane, false);
    else if (event.type === 'closed' && event.error !== undefined) {
      this.#setActive(lane, false);
      this.#end(toBusError(event.error, `being in '${this.#parts.spec.group}' on ${this.#parts.topic}`));
    }
  }

  #setActive(lane: number, active: boolean): void {
    if (this.#active.has(lane) === active) return;
    if (active) this.#active.add(lane);
    else this.#active.delete(lane);
    this.#parts.handler.active(lane, active);
  }

  #end(reason: BusError): void {
    // What is left of it is of no use to anybody.
    void this.close();
    this.#parts.handler.ended(reason);
  }

  #consumer(lane: number): EntryConsumer {
    const consumer = this.#consumers[lane];
    if (!this.#over && consumer !== undefined) return consumer;
    throw new BusError('closed', `the membership in '${this.#parts.spec.group}' on ${this.#parts.topic} is over`);
  }
}
