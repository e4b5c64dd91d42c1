import { HistoryError } from './errors.ts';
import type { Batch, ChannelLimits, HistoryQuery, NewEntry, Question } from './port.ts';

const maxPositionLength = 200;

/** @throws HistoryError `invalid` */
export function checkBatch(batch: Batch): void {
  whole('the previous watermark', batch.previous);
  whole('the watermark', batch.watermark);
  if (batch.floor !== undefined) whole('the floor', batch.floor);
  if ((batch.floor ?? 0) > batch.watermark)
    throw invalid(`the floor ${batch.floor} is above the watermark ${batch.watermark}`);
  const { position } = batch;
  if (position !== undefined && (position === '' || position.length > maxPositionLength))
    throw invalid(`the position has ${position.length} characters, expected 1 to ${maxPositionLength}`);
  let last = 0;
  for (const entry of batch.entries) {
    checkEntry(entry);
    if (entry.offset <= last) throw invalid(`offset ${entry.offset} comes after ${last}: a batch is in order`);
    last = entry.offset;
  }
  if (last > batch.watermark) throw invalid(`offset ${last} is above the watermark ${batch.watermark} of its batch`);
}

function checkEntry(entry: NewEntry): void {
  whole('an offset', entry.offset);
  if (entry.kind === 'remove') return;
  checkLimits(entry.limits);
  whole('a time', entry.timeMs);
  const { ttlMs, metaTtlMs } = entry.limits;
  if (!Number.isSafeInteger(metaTtlMs) || metaTtlMs < ttlMs) {
    throw invalid(`metaTtlMs is ${metaTtlMs}, expected at least ttlMs, which is ${ttlMs}`);
  }
}

/** @throws HistoryError `invalid` */
export function checkQuestion(question: Question): void {
  whole('an offset', question.offset);
  checkLimits(question.limits);
}

/** @throws HistoryError `invalid` */
export function checkQuery(query: HistoryQuery): void {
  if (query.limit !== undefined) whole('the limit', query.limit);
  if (query.since !== undefined) whole('the offset to begin from', query.since);
  checkLimits(query.limits);
}

/** @throws HistoryError `invalid` */
export function checkFloor(floor: number, previous: number | undefined): void {
  whole('the floor', floor);
  if (previous !== undefined) whole('the previous watermark', previous);
}

function checkLimits(limits: ChannelLimits): void {
  whole('size', limits.size);
  if (!Number.isSafeInteger(limits.ttlMs) || limits.ttlMs < 1) {
    throw invalid(`ttlMs is ${limits.ttlMs}, expected a whole number above 0`);
  }
}

function whole(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw invalid(`${name} is ${value}, expected a whole number from 0 on`);
}

function invalid(reason: string): HistoryError {
  return new HistoryError('invalid', reason);
}
