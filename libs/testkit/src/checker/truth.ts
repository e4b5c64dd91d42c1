import { eventsAround, type Fault } from './fault.ts';
import type { ChannelTruth, StreamLog, TruthEntry } from './records.ts';

/**
 * What a channel holds, as far as its clients saw it: for logs that can't be read. What nobody saw is not in it, and shows only
 * where its publisher was acknowledged.
 */
export function truthFromClients(
  channel: string,
  logs: readonly StreamLog[],
): { readonly truth: ChannelTruth; readonly faults: readonly Fault[] } {
  const messages = new Map<number, string>();
  const faults: Fault[] = [];
  let epoch: string | undefined;
  for (const { client, channel: of, events } of logs) {
    if (of !== channel) continue;
    for (const [index, event] of events.entries()) {
      if (event.kind === 'subscribed') epoch ??= event.epoch;
      if (event.kind !== 'publication') continue;
      const { offset, message } = event;
      const known = messages.get(offset);
      if (known === undefined) messages.set(offset, message);
      else if (known !== message) {
        const around = eventsAround(events, index);
        const [expected, seen] = [`${offset} '${known}', as others saw it`, `${offset} '${message}'`];
        faults.push({ kind: 'disagreement', client, channel, expected, seen, count: 1, around });
      }
    }
  }
  const entries: TruthEntry[] = [...messages].map(([offset, message]) => ({ offset, message }));
  entries.sort((one, other) => one.offset - other.offset);
  return { truth: { channel, epoch, entries }, faults };
}
