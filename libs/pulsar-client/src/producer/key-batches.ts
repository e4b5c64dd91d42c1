// Hot path of producers with key-based batching.
import type { Outgoing } from './outgoing.ts';
import type { ProducerMessage } from './producer-config.ts';

/**
 * Puts messages of one key each into batches, in the order of their last sequence ids: as whole entries go to consumers
 * of a KeyShared subscription, by the key of the entry. Sent in this order, with the last id as the entry's, each entry's id
 * is above that of the entry before, as a broker that removes duplicates requires.
 */
export function batchesByKey(messages: readonly Outgoing[]): Outgoing[][] {
  const batches = new Map<string, Outgoing[]>();
  for (const outgoing of messages) {
    const key = keyOf(outgoing.message);
    const batch = batches.get(key);
    if (batch === undefined) {
      batches.set(key, [outgoing]);
      continue;
    }
    batch.push(outgoing);
    // Moved to the end: a map keeps the order in which keys were set, so that the batch with the newest message is last.
    batches.delete(key);
    batches.set(key, batch);
  }
  return [...batches.values()];
}

/** The key that the broker goes by. Messages without one have a batch of their own. */
function keyOf({ orderingKey, partitionKey }: ProducerMessage): string {
  if (orderingKey !== undefined) return `o${orderingKey}`;
  return partitionKey === undefined ? '' : `p${partitionKey}`;
}
