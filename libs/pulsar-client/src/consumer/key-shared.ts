import { integer, mustHold, oneOf, refuseUnknown } from '../options.ts';
import { type IntRange, type KeySharedMeta, keySharedMode } from '../wire/index.ts';

/** `AutoSplit`: the broker shares the keys out. `Sticky`: the consumer says which hashes it takes. */
export type ConsumerKeyShareMode = 'AutoSplit' | 'Sticky';

/** Hashes of keys, both ends inclusive, 0 to 65535. */
export interface ConsumerKeyShareStickyRange {
  readonly start: number;
  readonly end: number;
}

/** How a consumer of a KeyShared subscription takes its share of the keys; all consumers of it must agree. */
export interface KeySharedPolicy {
  /** @default 'AutoSplit' */
  readonly keyShareMode?: ConsumerKeyShareMode;
  /** Does without the order of a key's messages where consumers come and go, so that none has to wait. @default false */
  readonly allowOutOfOrderDelivery?: boolean;
  /** For `Sticky`: at least one, none over another. Keys that no consumer takes wait for one that does. */
  readonly stickyRanges?: readonly ConsumerKeyShareStickyRange[];
}

const kind = 'ConsumerConfig keySharedPolicy';
/** The hash of a key is below it. */
const hashes = 65_536;

/** What SUBSCRIBE says of a KeyShared subscription. @throws PulsarError `InvalidConfiguration` */
export function keySharedMeta(policy: KeySharedPolicy = {}): KeySharedMeta {
  refuseUnknown(kind, policy, ['keyShareMode', 'allowOutOfOrderDelivery', 'stickyRanges'], {});
  const mode = oneOf(kind, 'keyShareMode', policy.keyShareMode, 'AutoSplit', ['AutoSplit', 'Sticky']);
  const allowOutOfOrderDelivery = policy.allowOutOfOrderDelivery ?? false;
  if (mode === 'AutoSplit') {
    mustHold(kind, policy.stickyRanges === undefined, "stickyRanges need keyShareMode 'Sticky'");
    return { keySharedMode: keySharedMode.autoSplit, allowOutOfOrderDelivery };
  }
  const hashRanges = checkedRanges(policy.stickyRanges ?? []);
  return { keySharedMode: keySharedMode.sticky, hashRanges, allowOutOfOrderDelivery };
}

function checkedRanges(ranges: readonly ConsumerKeyShareStickyRange[]): IntRange[] {
  mustHold(kind, ranges.length > 0, "keyShareMode 'Sticky' needs at least one of stickyRanges");
  const checked = ranges.map(({ start, end }, index) => {
    const name = `stickyRanges[${index}]`;
    // The fallbacks are out of range: both ends must be said.
    const holds = integer(kind, `${name}.start`, start, hashes, 0) <= integer(kind, `${name}.end`, end, hashes, 0);
    mustHold(kind, holds && end < hashes, `${name} is ${start} to ${end}, expected 0 ≤ start ≤ end ≤ ${hashes - 1}`);
    return { start, end };
  });
  const ordered = [...checked].sort((one, other) => one.start - other.start);
  for (const [index, range] of ordered.entries()) {
    const next = ordered[index + 1];
    const apart = next === undefined || range.end < next.start;
    mustHold(kind, apart, `stickyRanges ${range.start} to ${range.end} and ${next?.start} to ${next?.end} overlap`);
  }
  return checked;
}
