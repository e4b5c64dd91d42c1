import assert from 'node:assert/strict';
import { realTextLines } from '@pharos/testkit';
import type { Receiver } from './receiver.ts';

const numbered = /^[a-z]+ \d+ /;

/** Real text, each line with its number, so that a line that comes twice can't hide among lines that are alike. */
export function numberedLines(run: string, count: number): string[] {
  return realTextLines(count).map((line, index) => `${run} ${index} ${line}`);
}

export interface Tally {
  readonly lost: number;
  readonly duplicated: number;
  readonly outOfOrder: number;
  /** Texts that nobody sent. */
  readonly strange: number;
}

const clean: Tally = { lost: 0, duplicated: 0, outOfOrder: 0, strange: 0 };

/** Compares what came with what was sent, line by line. Both are counted in full: a test says how much is wrong, not only that. */
export function tally(sent: readonly string[], came: readonly string[]): Tally {
  const place = new Map(sent.map((line, index) => [line, index]));
  const seen = new Set<number>();
  const counts = { lost: 0, duplicated: 0, outOfOrder: 0, strange: 0 };
  let newest = -1;
  for (const line of came) {
    const index = place.get(line);
    if (index === undefined) counts.strange++;
    else if (seen.has(index)) counts.duplicated++;
    else {
      if (index < newest) counts.outOfOrder++;
      seen.add(index);
      newest = Math.max(newest, index);
    }
  }
  counts.lost = sent.length - seen.size;
  return counts;
}

/** The lines of `run` among what came. What else came is left out: greetings of clients, lines of other runs. */
export function ofRun(run: string, came: readonly string[]): string[] {
  return came.filter((line) => numbered.test(line) && line.startsWith(`${run} `));
}

/** Every line once, in order, and no close. */
export function assertWhole(run: string, receiver: Receiver, sent: readonly string[]): void {
  assert.deepEqual(receiver.close, undefined, `${receiver.name} was closed`);
  assert.deepEqual(tally(sent, ofRun(run, receiver.lines.items)), clean, receiver.name);
}

/** Every line once, in order, from the first up to a close with one of `codes`; to the last where there was no close. */
export function assertUpToClose(
  run: string,
  receiver: Receiver,
  sent: readonly string[],
  codes: readonly number[] = [3008],
): void {
  const { close } = receiver;
  if (close === undefined) return assertWhole(run, receiver, sent);
  assert.ok(codes.includes(close.code), `${receiver.name}: ${close.code} ${close.reason}`);
  const came = ofRun(run, receiver.lines.items);
  assert.deepEqual(tally(sent.slice(0, came.length), came), clean, `${receiver.name} up to its close`);
  assert.equal(receiver.afterClose, 0, `${receiver.name} after its close`);
}
