import { randomBytes } from 'node:crypto';
import { type LaneEntry, type Log, type PublicationCursor, PulsarBus } from '@pharos/bus';
import { decodeLifecycleEvent, lifecycleTopic } from '@pharos/channels';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import type { ChannelTruth, PresenceEvent, PresenceLog, TruthEntry } from '@pharos/testkit';

import { messageOf } from '../clients/message.ts';

const readTimeoutMs = 60_000;

export interface LogAddress {
  readonly serviceUrl: string;
  readonly adminUrl: string;
  readonly topic: string;
}

/** Reads a whole log from Pulsar, past all services: what each of its channels holds. */
export async function readLog(address: LogAddress): Promise<Map<string, ChannelTruth>> {
  const channels = new Map<string, TruthEntry[]>();
  const epoch = await readTopic(address, address.topic, (cursor) => {
    const channel = cursor.channel();
    const entries = channels.get(channel) ?? [];
    channels.set(channel, entries);
    const text = cursor.buffer.toString('utf8', cursor.dataStart, cursor.dataEnd);
    entries.push({ offset: cursor.offset, message: messageOf(parse(text)) });
  });
  return new Map([...channels].map(([channel, entries]) => [channel, { channel, epoch, entries }]));
}

/** Reads what the log says of joins and leaves: for each channel what a client would have been sent that was there all the time. */
export async function readLifecycle(address: LogAddress): Promise<PresenceLog[]> {
  const channels = new Map<string, PresenceEvent[]>();
  const ids = new Set<string>();
  await readTopic(address, lifecycleTopic(address.topic), (cursor, { publishTimeMs }) => {
    const channel = cursor.channel();
    const event = decodeLifecycleEvent(channel, cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd));
    // A leave may be published again after a crash: readers drop what they know.
    if (event === undefined || ids.has(event.id)) return;
    ids.add(event.id);
    const events = channels.get(channel) ?? [{ kind: 'watching', atMs: 0, self: '' }];
    channels.set(channel, events);
    events.push({ kind: event.type, atMs: publishTimeMs, member: event.info.client, id: event.id, node: event.node });
  });
  return [...channels].map(([channel, events]) => ({ client: 'the lifecycle topic', channel, events }));
}

type Taker = (cursor: PublicationCursor, entry: LaneEntry) => void;

/** Hands on everything that a topic holds by now, lane by lane in order; resolves with its epoch. */
async function readTopic({ serviceUrl, adminUrl }: LogAddress, topic: string, take: Taker): Promise<string> {
  const bus = new PulsarBus({ serviceUrl, adminUrl, namePrefix: `checker-${randomBytes(6).toString('hex')}` });
  try {
    const log = await bus.openLog({ topic });
    await Promise.all(Array.from({ length: log.lanes }, (_, lane) => readLane(log, lane, take)));
    return log.epoch;
  } finally {
    await bus.close();
  }
}

async function readLane(log: Log, lane: number, take: Taker): Promise<void> {
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
          if (cursor.offset <= until && !cursor.isMarker() && cursor.routed()) take(cursor, entry);
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
