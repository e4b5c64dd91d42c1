import { PulsarError } from '../errors.ts';
import type { MessageIdParts } from '../message-id.ts';
import { ackSetOf, isAcknowledged } from './ack-set.ts';

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
    return this.#mark(id, id.batchIndex ?? -1);
  }

  /** Notes that a message and all before it are; true where its entry then is. */
  acknowledgeUpTo(id: MessageIdParts): boolean {
    for (const [key, { ledgerId, entryId }] of this.#partial) {
      if (ledgerId < id.ledgerId || (ledgerId === id.ledgerId && entryId < id.entryId)) this.#partial.delete(key);
    }
    return this.#mark(id, 0);
  }

  /**
   * Notes what the broker knows of an entry that it delivers: a consumer before this one may have acknowledged a part.
   * True where all of it is acknowledged now.
   */
  known(id: MessageIdParts, batchSize: number, ackSet: readonly bigint[]): boolean {
    for (let batchIndex = 0; batchIndex < batchSize; batchIndex++) {
      const acknowledged = isAcknowledged(ackSet, batchIndex);
      // Once it is whole it is forgotten: more would open it again.
      if (acknowledged && this.acknowledge({ ...id, batchIndex, batchSize })) return true;
    }
    return false;
  }

  /** For the broker: which messages of the entry are not acknowledged; `undefined` where that is not known. */
  ackSet(id: MessageIdParts): bigint[] | undefined {
    const batch = this.#partial.get(keyOf(id));
    return batch === undefined ? undefined : ackSetOf(batch.acknowledged);
  }

  /** Whether a message of a batch that comes again is acknowledged already. */
  has(id: MessageIdParts): boolean {
    if (this.#partial.size === 0) return false;
    return this.#partial.get(keyOf(id))?.acknowledged[id.batchIndex ?? -1] === 1;
  }

  clear(): void {
    this.#partial.clear();
  }

  /** Marks the messages of a batch from `first` up to the id's own. */
  #mark(id: MessageIdParts, first: number): boolean {
    const { batchIndex = -1, batchSize = 0 } = id;
    if (batchIndex < 0) return true;
    if (batchIndex >= batchSize || batchSize > maxBatchSize) {
      const text = `message ${batchIndex} of a batch of ${batchSize} can not be acknowledged: the id is not whole`;
      throw new PulsarError('InvalidMessage', text);
    }
    if (batchSize === 1) return true;
    const batch = this.#batch(id, batchSize);
    for (let index = first; index <= batchIndex; index++) {
      if (batch.acknowledged[index] === 1) continue;
      batch.acknowledged[index] = 1;
      batch.left--;
    }
    if (batch.left > 0) return false;
    this.#partial.delete(keyOf(id));
    return true;
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
