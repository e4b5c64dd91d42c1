import { PresenceError } from './errors.ts';
import type { Owner } from './port.ts';

/** @throws PresenceError `invalid` */
export function checkOwner(owner: Owner): void {
  if (owner.node === '') throw new PresenceError('invalid', 'the name of the node is empty');
  if (!/^[0-9A-Za-z]+$/.test(owner.generation)) {
    throw new PresenceError('invalid', `the generation is '${owner.generation}', expected letters and digits`);
  }
}

/** @throws PresenceError `invalid` */
export function positive(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new PresenceError('invalid', `${name} is ${value}, expected a whole number above 0`);
}

export function tooMany(channel: string, most: number): PresenceError {
  return new PresenceError('too-many', `channel ${channel} has more than ${most} members`);
}
