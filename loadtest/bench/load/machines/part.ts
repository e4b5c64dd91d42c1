import { readFileSync } from 'node:fs';

import { z } from '@pharos/config';

import { lastBucket } from '../measure/histogram.ts';
import { counterNames, durationNames, type TallyData } from '../measure/tally.ts';
import type { Size } from '../scenario.ts';
import type { MachineNumber } from './share.ts';

/** Counts up where files of an earlier one can't be added to those of a later one. */
export const partFormat = 1;

/** One machine's part in a run, as it stands in its document. */
export interface Part extends MachineNumber {
  readonly format: number;
  readonly startAt: string;
  /** What channels of all machines begin with. */
  readonly prefix: string;
}

/** What a machine has counted, not yet judged. */
export interface RawMeasured {
  readonly tally: TallyData;
  /** Null where it was no number. */
  readonly figures: Readonly<Record<string, number | null>>;
}

export type PartResult =
  | {
      readonly scenario: string;
      readonly seconds: number;
      /** Of all machines together. */
      readonly whole: Size;
      readonly raw: RawMeasured;
    }
  /** It did not run to its end. */
  | { readonly scenario: string; readonly failure: string };

/** What `npm run load -- … --machine 0/2` leaves. */
export interface PartDocument {
  /** Where it was read. */
  readonly file: string;
  readonly machine: object;
  readonly versions: { readonly pharos: string };
  readonly part: Part;
  readonly result: PartResult;
}

const whole = z.int().min(0);
const counts = z.record(z.string(), whole);

const size: z.ZodType<Size> = z.object({
  clients: whole,
  channels: whole,
  perSecond: z.number().min(0),
  seconds: whole,
  padBytes: whole,
});

const tally = z.object({
  // Gaps are taken back where they are filled: what is left may not be less than none.
  counters: z.record(z.enum(counterNames), whole),
  durations: z.record(
    z.enum(durationNames),
    z.object({ buckets: z.array(z.tuple([whole.max(lastBucket), whole])), max: z.number().min(0) }),
  ),
  closeCodes: counts,
  refusals: counts,
});

const failed = z.object({ scenario: z.string(), failure: z.string() });
const ended = z.object({
  scenario: z.string(),
  seconds: z.number(),
  whole: size,
  raw: z.object({ tally, figures: z.record(z.string(), z.number().nullable()) }),
});

const head = z.object({ part: z.object({ format: z.number() }) });
const failedHead = z.object({ results: z.tuple([failed]) });

/** One of both: of a union it wouldn't be told what is wrong. */
function schemaOf(isFailed: boolean): z.ZodType<Omit<PartDocument, 'file' | 'result'> & { results: [PartResult] }> {
  return z.object({
    machine: z.looseObject({}),
    versions: z.looseObject({ pharos: z.string() }),
    part: z.object({ format: z.number(), index: whole, of: whole, startAt: z.string(), prefix: z.string() }),
    results: z.tuple([isFailed ? failed : ended]),
  });
}

/** @param file a document, or a log whose last document it is. @throws RangeError that names the file and what is wrong with it */
export function readPart(file: string): PartDocument {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new RangeError(`${file} can not be read: ${(error as Error).message}`, { cause: error });
  }
  return partIn(file, text);
}

/** @throws RangeError that names the file and what is wrong with it */
export function partIn(file: string, text: string): PartDocument {
  const document = documentIn(text);
  if (document === undefined) throw new RangeError(`${file} holds no document of a load test: the run has not ended?`);
  const { data: begun } = head.safeParse(document);
  if (begun === undefined) throw new RangeError(`${file} is not of a run with --machine`);
  if (begun.part.format !== partFormat) {
    throw new RangeError(`${file} has the format ${begun.part.format}, and this version reads ${partFormat} only`);
  }
  const read = schemaOf(failedHead.safeParse(document).success).safeParse(document);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new RangeError(`${file}: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const { machine, versions, part, results } = read.data;
  return { file, machine, versions, part, result: results[0] };
}

/** A line of its own, where other lines stand around it: as `kubectl logs` has it. */
function documentIn(text: string): unknown {
  const line = text.split('\n').findLast((one) => one.startsWith('{"machine":'));
  for (const candidate of [text, line]) {
    try {
      if (candidate !== undefined) return JSON.parse(candidate);
    } catch {
      // The next.
    }
  }
  return undefined;
}
