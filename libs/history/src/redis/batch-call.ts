import type { RedisArgument, ScriptCall } from '@pharos/redis';
import { encodeNamespaces } from '../namespaces.ts';
import type { Batch, NewEntry, StoreLimits } from '../port.ts';
import type { LaneKeys } from './keys.ts';
import { encodeProperties } from './replies.ts';
import { appendScript } from './scripts.ts';

interface ChannelEntries {
  readonly entries: NewEntry[];
  limits: StoreLimits | undefined;
}

/** The run of the append script that writes what is new of `batch`. */
export function appendCall(keys: LaneKeys, batch: Batch, nowMs: number, idleLaneTtlMs: number): ScriptCall {
  const channels = byChannel(batch);
  const { previous, watermark, floor = 0, position = '' } = batch;
  const args: RedisArgument[] = [previous, watermark, floor, nowMs, idleLaneTtlMs, position];
  args.push(encodeNamespaces(batch.namespaces?.before), encodeNamespaces(batch.namespaces?.after));
  for (const [channel, { entries, limits }] of channels) {
    args.push(channel, limits?.size ?? -1, limits?.ttlMs ?? 0, limits?.metaTtlMs ?? 0, entries.length);
    for (const entry of entries) args.push(...entryArguments(entry));
  }
  const streams = [...channels.keys()].map((channel) => keys.stream(channel));
  return { script: appendScript, keys: [keys.lane, keys.channels, keys.forget, ...streams], args };
}

/** The order between channels means nothing within one script; within a channel it stays. */
function byChannel(batch: Batch): Map<string, ChannelEntries> {
  const channels = new Map<string, ChannelEntries>();
  for (const entry of batch.entries) {
    if (entry.offset <= batch.previous) continue;
    const channel = channels.get(entry.channel) ?? { entries: [], limits: undefined };
    channels.set(entry.channel, channel);
    channel.entries.push(entry);
    if (entry.kind === 'publication') channel.limits = entry.limits;
  }
  return channels;
}

function entryArguments(entry: NewEntry): RedisArgument[] {
  if (entry.kind === 'remove') return [entry.offset, 'r', '', ''];
  return [entry.offset, entry.timeMs, entry.data, encodeProperties(entry.properties)];
}
