import { BusError } from '../errors.ts';

/** A position taken apart. `batchIndex` is missing for a whole entry, and for a message that is an entry by itself. */
export interface EntryPosition {
  readonly ledgerId: bigint;
  readonly entryId: bigint;
  readonly batchIndex?: number;
}

const form = /^(\d{1,19}):(\d{1,19})(?::(\d{1,9}))?$/;

/** `<ledger>:<entry>`, or `<ledger>:<entry>:<index>` for one message of a batch; empty for a position that isn't known. */
export function formatPosition(ledgerId: bigint, entryId: bigint, batchIndex = -1): string {
  if (ledgerId < 0n) return '';
  return batchIndex < 0 ? `${ledgerId}:${entryId}` : `${ledgerId}:${entryId}:${batchIndex}`;
}

/** @throws BusError `position-gone` where it isn't a position of a Pulsar log */
export function parsePosition(text: string): EntryPosition {
  const match = form.exec(text);
  if (match === null) {
    throw new BusError('position-gone', `'${text}' is not a position: expected '<ledger>:<entry>[:<index>]'`);
  }
  const [, ledgerId, entryId, batchIndex] = match as unknown as [string, string, string, string | undefined];
  const entry = { ledgerId: BigInt(ledgerId), entryId: BigInt(entryId) };
  return batchIndex === undefined ? entry : { ...entry, batchIndex: Number(batchIndex) };
}
