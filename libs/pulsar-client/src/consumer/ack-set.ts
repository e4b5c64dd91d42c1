import type { Entry } from './entry-consumer.ts';

/**
 * Ack sets as the protocol has them: one bit per message of a batch, 64 a word, lowest first; a set bit is a message that is
 * *not* acknowledged. Words that are left out at the end have no bit set.
 */
const wordBits = 64;

/** @param acknowledged 1 for each message that is, by index */
export function ackSetOf(acknowledged: Uint8Array): bigint[] {
  const words: bigint[] = [];
  for (let start = 0; start < acknowledged.length; start += wordBits) {
    let word = 0n;
    const end = Math.min(start + wordBits, acknowledged.length);
    for (let index = start; index < end; index++) {
      if (acknowledged[index] === 0) word |= 1n << BigInt(index - start);
    }
    // Java's long, whose highest bit is its sign.
    words.push(BigInt.asIntN(wordBits, word));
  }
  return words;
}

export function isAcknowledged(ackSet: readonly bigint[], index: number): boolean {
  const word = ackSet[Math.floor(index / wordBits)] ?? 0n;
  return ((word >> BigInt(index % wordBits)) & 1n) === 0n;
}

/** How many messages are not acknowledged. Takes as long as the set is, whatever an entry says of the number of its messages. */
export function leftOf(ackSet: readonly bigint[]): number {
  let left = 0;
  for (const word of ackSet) {
    // Each step takes out the lowest bit that is set.
    for (let bits = BigInt.asUintN(wordBits, word); bits !== 0n; bits &= bits - 1n) left++;
  }
  return left;
}

/** Permits that an entry used: the broker counts the messages that it believes to be wanted. */
export function permitsOf({ ackSet, count }: Pick<Entry, 'ackSet' | 'count'>): number {
  return ackSet === undefined ? count : Math.min(count, leftOf(ackSet));
}
