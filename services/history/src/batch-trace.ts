import type { NewEntry } from '@pharos/history';
import type { EndSpan, Tracing } from '@pharos/telemetry';

/** Begins a span for each publication of a batch whose publisher is traced; returns how to end them all. */
export function traceBatch(tracing: Tracing, log: string, entries: readonly NewEntry[]): EndSpan {
  const open: EndSpan[] = [];
  for (const entry of entries) {
    if (entry.kind !== 'publication') continue;
    const { channel, offset, properties } = entry;
    const carrier = { traceparent: properties.get('traceparent'), tracestate: properties.get('tracestate') };
    const end = tracing.consume('store', carrier, () => ({
      'messaging.destination.name': log,
      'pharos.channel': channel,
      'pharos.offset': offset,
    }));
    if (end !== undefined) open.push(end);
  }
  return (error) => {
    for (const end of open) end(error);
  };
}
