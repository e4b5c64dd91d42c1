import type { Measured } from '../measure/gate.ts';
import { Tally } from '../measure/tally.ts';
import type { Scenario, Size } from '../scenario.ts';
import type { PartDocument, PartResult } from './part.ts';

type Ended = Extract<PartResult, { readonly raw: unknown }>;

/** What all machines of a run have measured. */
export interface Together {
  readonly scenario: Scenario;
  readonly size: Size;
  readonly seconds: number;
  readonly measured: Measured;
}

/** Of figures that every scenario has. */
const ofAll = { missing: 'sum', generatorBusy: 'most' } as const;

/**
 * What these machines saw, as if they were one.
 *
 * @throws RangeError where they are not the parts of one run, all of them
 * @throws Error where one of them did not run to its end
 */
export function together(parts: readonly PartDocument[], known: readonly Scenario[]): Together {
  assertOneRun(parts);
  const [{ result: first } = { result: undefined }] = parts;
  const scenario = known.find(({ name }) => name === first?.scenario);
  if (scenario?.together === undefined) {
    throw new RangeError(`${first?.scenario}: there is no such scenario that several machines can run together`);
  }
  const ended = parts.map(({ result, part, file }): Ended => {
    if ('raw' in result) return result;
    throw new Error(`machine ${part.index} of ${part.of} (${file}) did not run to its end: ${result.failure}`);
  });
  const wholes = new Set(ended.map(({ whole }) => JSON.stringify(whole)));
  if (wholes.size > 1) throw new RangeError(`not of one run: the sizes are ${[...wholes].join(' and ')}`);
  const tally = new Tally();
  for (const { raw } of ended) tally.merge(raw.tally);
  const figures = figuresOf(ended, { ...ofAll, ...scenario.together });
  const seconds = Math.max(...ended.map((one) => one.seconds));
  return { scenario, size: (ended[0] as Ended).whole, seconds, measured: { tally, figures } };
}

/** A figure that one of them hasn't isn't known of all: then its gate has no samples. */
function figuresOf(ended: readonly Ended[], rules: NonNullable<Scenario['together']>): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const values = ended.map(({ raw }) => raw.figures[name]);
    if (values.includes(undefined)) continue;
    const numbers = values.map((value) => value ?? Number.NaN);
    figures[name] = rule === 'sum' ? numbers.reduce((sum, one) => sum + one, 0) : Math.max(...numbers);
  }
  return figures;
}

/** @throws RangeError that names what doesn't belong together */
function assertOneRun(parts: readonly PartDocument[]): void {
  const [first] = parts;
  if (first === undefined) throw new RangeError('name the documents of all machines');
  for (const other of parts) {
    for (const [what, of] of traits) {
      const [one, another] = [of(first), of(other)];
      if (one !== another) {
        throw new RangeError(`not of one run: ${other.file} has the ${what} ${another}, and ${first.file} ${one}`);
      }
    }
  }
  const { of } = first.part;
  const files = new Map<number, string>();
  for (const { part, file } of parts) {
    const known = files.get(part.index);
    if (known !== undefined)
      throw new RangeError(`machine ${part.index} of ${of} is there twice: ${known} and ${file}`);
    files.set(part.index, file);
  }
  const missing = Array.from({ length: of }, (_, at) => at).filter((index) => !files.has(index));
  if (missing.length > 0)
    throw new RangeError(`there is no document of machine ${missing.join(', ')} of ${of}, which are counted from 0`);
}

/** What is the same on all machines. */
const traits: readonly (readonly [what: string, of: (part: PartDocument) => string])[] = [
  ['scenario', ({ result }) => result.scenario],
  ['version of Pharos', ({ versions }) => versions.pharos],
  ['number of machines', ({ part }) => String(part.of)],
  ['begin', ({ part }) => part.startAt],
  ['channel prefix', ({ part }) => part.prefix],
];
