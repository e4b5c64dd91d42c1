import { javaStringHash } from '@pharos/bytes';
import type { HashingScheme } from '../producer/producer-config.ts';
import { murmur3Hash } from './murmur3.ts';

/** How a key becomes a number, 0 to 2^31 − 1. */
export const hashings: Readonly<Record<Exclude<HashingScheme, 'BoostHash'>, (key: string) => number>> = {
  JavaStringHash: javaStringHash,
  Murmur3_32Hash: murmur3Hash,
};
