import { type LaneEntry, type Log, markerProperty } from '@pharos/bus';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import type { HistoryStore } from '@pharos/history';
import assert from 'node:assert/strict';

import { laneOf } from './rig.ts';

export interface LoggedMessage {
  readonly offset: number;
  readonly channel: string;
  readonly text: string;
  readonly routed: boolean;
  readonly properties: Readonly<Record<string, string>>;
}

/** Everything that a lane has, up to its newest message now. */
export async function readLane(log: Log, lane: number): Promise<LoggedMessage[]> {
  const probe = await log.attach(lane, { entry: () => undefined });
  const { head } = probe;
  await probe.close();
  const messages: LoggedMessage[] = [];
  const done = new Deferred();
  const entry = (each: LaneEntry): void => {
    const cursor = each.publications();
    while (cursor.next()) {
      messages.push({
        offset: cursor.offset,
        channel: cursor.channel(),
        text: cursor.buffer.toString('utf8', cursor.dataStart, cursor.dataEnd),
        routed: cursor.routed(),
        properties: Object.fromEntries(cursor.properties()),
      });
    }
    if ((messages.at(-1)?.offset ?? 0) >= head) done.resolve();
  };
  const tail = await log.attach(lane, { entry }, { at: 'earliest' });
  if (tail.head >= head) done.resolve();
  await withDeadline(done.promise, 60_000, `reading lane ${lane}`);
  await tail.close();
  return messages.filter(({ offset }) => offset <= head);
}

/** Publications of a log as it lies there: of each lane those that belong to it. */
export async function readLog(log: Log): Promise<LoggedMessage[][]> {
  const lanes: LoggedMessage[][] = [];
  for (let lane = 0; lane < log.lanes; lane++) {
    const all = await readLane(log, lane);
    lanes.push(all.filter(({ routed, properties }) => routed && !(markerProperty in properties)));
  }
  return lanes;
}

/**
 * Holds the store against the log: for every channel of `kept:` and every lane each publication once, in order, at its offset. Says how many. The limits
 * must be wide enough for all.
 */
export async function mustHoldLog(log: Log, store: HistoryStore): Promise<number> {
  let count = 0;
  for (const [lane, messages] of (await readLog(log)).entries()) {
    const byChannel = new Map<string, LoggedMessage[]>();
    for (const message of messages.filter(({ channel }) => channel.startsWith('kept:'))) {
      const known = byChannel.get(message.channel);
      if (known === undefined) byChannel.set(message.channel, [message]);
      else known.push(message);
    }
    const limits = { size: 1_000_000, ttlMs: 86_400_000 };
    for (const [channel, expected] of byChannel) {
      const page = await store.history(laneOf(log, lane), channel, { limits });
      const had = (page?.publications ?? []).map(({ offset, data }) => [offset, data.toString()]);
      assert.equal(page?.next, undefined, `${channel} fits a page`);
      assert.deepEqual(
        had,
        expected.map(({ offset, text }) => [offset, text]),
        `channel ${channel} of lane ${lane}`,
      );
      count += expected.length;
    }
  }
  return count;
}
