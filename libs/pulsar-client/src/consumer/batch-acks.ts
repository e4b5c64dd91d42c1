import { PulsarError } from '../errors.ts';
import type { MessageIdParts } from '../message-id.ts';

interface PartialBatch {
  readonly ledgerId: bigint;
  readonly entryId: bigint;
  readonly acknowledged: Uint8Array;
  left: number;
}

/** More messages than fit into the largest entry. */
const maxBatchSize = 1 << 24;

/** Beyond it the oldest is forgotten, whose messages then come again: a broker keeps no more unacknowledged by itself. */
const maxPartialBatches = 10_000;

/** Which messages of batches are acknowledged while others are not: the broker counts whole entries. */
export class BatchAcks {
  readonly #partial = new Map<string, PartialBatch>();

  /** Notes that a message is acknowledged; true where its entry then is. @throws PulsarError `InvalidMessage` */
  acknowledge(id: MessageIdParts): boolean {
    const { batchIndex = -1, batchSize = 0 } = id;
    if (batchIndex < 0) return true;
    if (batchIndex >= batchSize || batchSize > maxBatchSize) {
      const text = `message ${batchIndex} of a batch of ${batchSize} can not be acknowledged: the id is not whole`;
      throw new PulsarError('InvalidMessage', text);
    }
    if (batchSize === 1) return true;
    const batch = this.#batch(id, batchSize);
    if (batch.acknowledged[batchIndex] === 0) {
      batch.acknowledged[batchIndex] = 1;
      batch.left--;
    }
    if (batch.left > 0) return false;
    this.#partial.delete(keyOf(id));
    return true;
  }

  /** Notes that a message and all before it are; true where its entry then is. */
  acknowledgeUpTo(id: MessageIdParts): boolean {
    for (const [key, { ledgerId, entryId }] of this.#partial) {
      if (ledgerId < id.ledgerId || (ledgerId === id.ledgerId && entryId < id.entryId)) this.#partial.delete(key);
    }
    const { batchIndex = -1 } = id;
    let whole = batchIndex < 0;
    for (let index = 0; index <= batchIndex; index++) whole = this.acknowledge({ ...id, batchIndex: index });
    return whole;
  }

  /** Whether a message of a batch that comes again is acknowledged already. */
  has(id: MessageIdParts): boolean {
    if (this.#partial.size === 0) return false;
    return this.#partial.get(keyOf(id))?.acknowledged[id.batchIndex ?? -1] === 1;
  }

  clear(): void {
    this.#partial.clear();
  }

  #batch(id: MessageIdParts, size: number): PartialBatch {
    const key = keyOf(id);
    let batch = this.#partial.get(key);
    if (batch === undefined) {
      batch = { ledgerId: id.ledgerId, entryId: id.entryId, acknowledged: new Uint8Array(size), left: size };
      this.#partial.set(key, batch);
      if (this.#partial.size > maxPartialBatches) this.#forgetOldest();
    }
    return batch;
  }

  #forgetOldest(): void {
    for (const key of this.#partial.keys()) {
      this.#partial.delete(key);
      return;
    }
  }
}

function keyOf({ ledgerId, entryId }: MessageIdParts): string {
  return `${ledgerId}:${entryId}`;
}
