/** Who is subscribed to what, both ways round. */
export class Topics<Subscriber> {
  readonly #subscribers = new Map<string, Set<Subscriber>>();
  readonly #topics = new Map<Subscriber, Set<string>>();

  subscribe(subscriber: Subscriber, topic: string): void {
    add(this.#subscribers, topic, subscriber);
    add(this.#topics, subscriber, topic);
  }

  unsubscribe(subscriber: Subscriber, topic: string): boolean {
    remove(this.#topics, subscriber, topic);
    return remove(this.#subscribers, topic, subscriber);
  }

  unsubscribeAll(subscriber: Subscriber): void {
    for (const topic of this.#topics.get(subscriber) ?? []) remove(this.#subscribers, topic, subscriber);
    this.#topics.delete(subscriber);
  }

  /** Topics with at least one subscriber. */
  get topicCount(): number {
    return this.#subscribers.size;
  }

  subscribers(topic: string): ReadonlySet<Subscriber> {
    return this.#subscribers.get(topic) ?? new Set();
  }
}

function add<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const values = index.get(key);
  if (values === undefined) index.set(key, new Set([value]));
  else values.add(value);
}

/** Empty sets go: topic names come from clients, and a map of every name ever used would only grow. */
function remove<K, V>(index: Map<K, Set<V>>, key: K, value: V): boolean {
  const values = index.get(key);
  if (values === undefined || !values.delete(value)) return false;
  if (values.size === 0) index.delete(key);
  return true;
}
