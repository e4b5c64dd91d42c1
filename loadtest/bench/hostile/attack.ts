import type { ServiceNode } from '../chaos/service-node.ts';
import type { Witness } from './witness.ts';

/** What attackers have before them. */
export interface Target {
  readonly edge: ServiceNode;
  /** Well-behaved clients, who must notice nothing. */
  readonly witness: Witness;
  /** Signs tokens; no attacker knows it. */
  readonly secret: string;
  /** PEM; everybody knows it. */
  readonly rsaPublicKey: string;
  /** An origin that may connect. */
  readonly origin: string;
}

/** What happened, by name: how often. */
export type Counts = Readonly<Record<string, number>>;

/** One way to be hostile. */
export interface Attack {
  readonly name: string;
  /** Resolves when everything was answered or ended as it should. @param rounds how much of it @throws AssertionError or DeadlineExceeded */
  run(target: Target, rounds: number): Promise<Counts>;
}

/** Counts things by name. */
export class Counter {
  readonly #counts = new Map<string, number>();

  add(name: string, count: number = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  get counts(): Counts {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** Runs `work` for each number below `count`, at most `at once` at a time. */
export async function inParallel(count: number, atOnce: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, worker));
}

/** Numbers that look like chance and are the same in every run (mulberry32). */
export function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
