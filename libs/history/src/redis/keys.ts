import { createHash } from 'node:crypto';
import { HistoryError } from '../errors.ts';
import type { LaneId } from '../port.ts';

/** The keys of one lane. All carry one tag, so that a Cluster has them on one node and a script may touch them together. */
export interface LaneKeys {
  /** Hash: watermark `w`, its position `p`, floor `f`, and for people `epoch` and `log`. */
  readonly lane: string;
  /** Hash: channel → `<newest offset> <highest trimmed offset>`, and `<offset of the last removal>` where there was one. */
  readonly channels: string;
  /** Sorted set: channel → when it is forgotten, in milliseconds since 1970. */
  readonly forget: string;
  /** Stream of a channel's publications, each under the id `<offset>-0`. */
  stream(channel: string): string;
}

/** @throws HistoryError `invalid` where the prefix would become a tag itself */
export function checkPrefix(prefix: string): void {
  if (/^[\w.:-]+$/.test(prefix)) return;
  throw new HistoryError('invalid', `the key prefix is '${prefix}', expected letters, digits and _ . : - only`);
}

/**
 * Only what is between the first braces decides where a key lives. So nothing that others choose stands there as it is: a log's name may hold
 * a brace. A channel stands behind, where braces mean nothing. The epoch is hashed along: another life of the log has keys of its own.
 */
export function laneKeys(prefix: string, lane: LaneId): LaneKeys {
  const hash = createHash('sha256')
    .update(JSON.stringify([lane.log, lane.epoch]))
    .digest('hex')
    .slice(0, 32);
  const base = `${prefix}:history:{${hash}:${lane.lane}}`;
  return {
    lane: `${base}:lane`,
    channels: `${base}:channels`,
    forget: `${base}:forget`,
    stream: (channel) => `${base}:stream:${channel}`,
  };
}
