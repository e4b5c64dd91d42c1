import { randomBytes } from 'node:crypto';
import { type Log, PulsarBus } from '@pharos/bus';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import type { ChannelTruth, TruthEntry } from '@pharos/testkit';

import { messageOf } from '../clients/message.ts';

const readTimeoutMs = 60_000;

export interface LogAddress {
  readonly serviceUrl: string;
  readonly adminUrl: string;
  readonly topic: string;
}

/** Reads a whole log from Pulsar, past all services: what each of its channels holds. */
export async function readLog({ serviceUrl, adminUrl, topic }: LogAddress): Promise<Map<string, ChannelTruth>> {
  const bus = new PulsarBus({ serviceUrl, adminUrl, namePrefix: `checker-${randomBytes(6).toString('hex')}` });
  try {
    const log = await bus.openLog({ topic });
    const channels = new Map<string, TruthEntry[]>();
    await Promise.all(Array.from({ length: log.lanes }, (_, lane) => readLane(log, lane, channels)));
    return new Map([...channels].map(([channel, entries]) => [channel, { channel, epoch: log.epoch, entries }]));
  } finally {
    await bus.close();
  }
}

async function readLane(log: Log, lane: number, channels: Map<string, TruthEntry[]>): Promise<void> {
  const newest = await log.attach(lane, { entry: () => undefined });
  const until = newest.head;
  await newest.close();
  if (until === 0) return;
  const read = new Deferred();
  const tail = await log.attach(
    lane,
    {
      entry: (entry) => {
        for (const cursor = entry.publications(); cursor.next(); ) {
          // What was published meanwhile is for the next reading.
          if (cursor.offset > until || cursor.isMarker() || !cursor.routed()) continue;
          const channel = cursor.channel();
          const entries = channels.get(channel) ?? [];
          channels.set(channel, entries);
          const text = cursor.buffer.toString('utf8', cursor.dataStart, cursor.dataEnd);
          entries.push({ offset: cursor.offset, message: messageOf(parse(text)) });
        }
        if (entry.firstOffset + entry.count - 1 >= until) read.resolve();
      },
      ended: (error) => read.reject(error),
    },
    { at: 'earliest' },
  );
  await withDeadline(read.promise, readTimeoutMs, `reading lane ${lane} of ${log.topic}`);
  await tail.close();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
