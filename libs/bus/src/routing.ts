import { javaStringHash } from '@pharos/bytes';

/** What a cursor must know of its log to say where a publication belongs. */
export interface LaneRouting {
  readonly lane: number;
  readonly lanes: number;
  readonly defaultChannel: string;
  readonly defaultChannelHash: number;
}

export function laneRouting(lane: number, lanes: number, defaultChannel: string): LaneRouting {
  return { lane, lanes, defaultChannel, defaultChannelHash: javaStringHash(defaultChannel) };
}

/** Shared by every publication without properties. */
export const noProperties: ReadonlyMap<string, string> = new Map();
