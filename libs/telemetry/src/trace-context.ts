import { createTraceState, isSpanContextValid, type SpanContext } from '@opentelemetry/api';

/** The W3C trace context, as headers and message properties carry it. Empty or absent: none. */
export interface TraceCarrier {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

// 00-<trace>-<parent>-<flags>; later versions may have more after it.
const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Beyond it, others need not pass it on: it goes with every message. */
const maxStateLength = 512;

/** What came along; undefined where that is nothing, or is none. Anybody may have written it. */
export function readTraceContext(carrier: TraceCarrier): SpanContext | undefined {
  const [, version, traceId, spanId, flags, more] = traceparent.exec(carrier.traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  const state = carrier.tracestate ?? '';
  const context: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(state === '' || state.length > maxStateLength ? {} : { traceState: createTraceState(state) }),
  };
  return isSpanContextValid(context) ? context : undefined;
}

/** What goes along. */
export function writeTraceContext({ traceId, spanId, traceFlags, traceState }: SpanContext): Record<string, string> {
  const flags = (traceFlags & 1).toString(16).padStart(2, '0');
  const state = traceState?.serialize() ?? '';
  return {
    traceparent: `00-${traceId}-${spanId}-${flags}`,
    ...(state === '' || state.length > maxStateLength ? {} : { tracestate: state }),
  };
}
