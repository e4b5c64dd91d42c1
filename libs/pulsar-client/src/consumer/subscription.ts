import { randomBytes } from 'node:crypto';
import { initialPosition, subType } from '../wire/index.ts';
import type { InitialPosition, SubscriptionType } from './consumer-config.ts';

/** The protocol's numbers of the subscription types. */
export const subscriptionTypes: Readonly<Record<SubscriptionType, number>> = {
  Exclusive: subType.exclusive,
  Shared: subType.shared,
  Failover: subType.failover,
  KeyShared: subType.keyShared,
};

export const initialPositions: Readonly<Record<InitialPosition, number>> = {
  Latest: initialPosition.latest,
  Earliest: initialPosition.earliest,
};

/** A name for a consumer that was given none. */
export function madeUpName(): string {
  return randomBytes(5).toString('hex');
}
