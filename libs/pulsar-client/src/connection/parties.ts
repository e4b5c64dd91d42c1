// Hot path: what comes for a producer or consumer finds it here.
import { type CommandMap, migratedResource } from '../wire/index.ts';
import type { ConsumerEvents, ProducerEvents } from './events.ts';
import { isNoSparseId } from './sparse-ids.ts';

/** The producers and consumers of one connection. */
export class Parties {
  readonly #producers = new Map<number, ProducerEvents>();
  readonly #consumers = new Map<number, ConsumerEvents>();
  readonly #strange: (id: number) => void;

  /** @param strange told of an id that was never given: it has been changed on its way, there or back; so may others have been */
  constructor(strange: (id: number) => void) {
    this.#strange = strange;
  }

  addProducer(id: number, events: ProducerEvents): void {
    this.#producers.set(id, events);
  }

  addConsumer(id: number, events: ConsumerEvents): void {
    this.#consumers.set(id, events);
  }

  /** `undefined` where it isn't there any more. */
  producer(id: number): ProducerEvents | undefined {
    return this.#producers.get(id) ?? this.nobody(id);
  }

  consumer(id: number): ConsumerEvents | undefined {
    return this.#consumers.get(id) ?? this.nobody(id);
  }

  nobody(id: number): undefined {
    if (isNoSparseId(id)) this.#strange(id);
  }

  remove(kind: 'producer' | 'consumer', id: number): ProducerEvents | ConsumerEvents | undefined {
    const of = kind === 'producer' ? this.#producers : this.#consumers;
    const one = of.get(id);
    of.delete(id);
    return one;
  }

  /** Whose topic is on another cluster now. */
  migrated({ resourceId, resourceType, brokerServiceUrl, brokerServiceUrlTls }: CommandMap['topicMigrated']): void {
    const one = resourceType === migratedResource.producer ? this.producer(resourceId) : this.consumer(resourceId);
    one?.moved({ to: 'cluster', plainUrl: brokerServiceUrl, tlsUrl: brokerServiceUrlTls });
  }

  writable(): void {
    for (const producer of [...this.#producers.values()]) producer.writable();
  }

  /** Takes all out. */
  drain(): (ProducerEvents | ConsumerEvents)[] {
    const all = [...this.#producers.values(), ...this.#consumers.values()];
    this.#producers.clear();
    this.#consumers.clear();
    return all;
  }
}
