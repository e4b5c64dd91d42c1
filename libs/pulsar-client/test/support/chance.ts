import { randomInt } from 'node:crypto';
import type { TestContext } from 'node:test';

/** Random numbers that come again where their seed is given: `FAULTS_SEED`, which each test that uses it prints. */
export class Chance {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /** Of `FAULTS_SEED`, else a new one. */
  static for(t: TestContext): Chance {
    const seed = wholeNumber('FAULTS_SEED') ?? randomInt(2 ** 32);
    t.diagnostic(`FAULTS_SEED=${seed}`);
    return new Chance(seed);
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    const fraction = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    return least + Math.floor(fraction * (most - least + 1));
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.between(0, choices.length - 1)] as T;
  }
}

/** How many rounds a random test goes: `everyDay`, or for a longer hunt as many times that as `FAULTS_ROUNDS` says. */
export function faultRounds(everyDay: number): number {
  return everyDay * (wholeNumber('FAULTS_ROUNDS') ?? 1);
}

function wholeNumber(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} is '${text}', expected a whole number`);
  return value;
}
