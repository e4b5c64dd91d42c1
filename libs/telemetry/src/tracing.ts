import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';

import { readTraceContext, type TraceCarrier, writeTraceContext } from './trace-context.ts';

/** Ends a span. @param error why it failed, where it did */
export type EndSpan = (error?: unknown) => void;

/**
 * Spans of Pharos's own work. Only whoever is traced has one of these: everybody else has `undefined`, and that is all that switched-off
 * tracing costs.
 */
export class Tracing {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** Answers a request within a span, which continues the trace that came along, or begins one. Rejects as `work`. */
  serve<T>(name: string, attributes: Attributes, carrier: TraceCarrier, work: () => Promise<T>): Promise<T> {
    const span = this.#tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parentIn(carrier));
    return within(span, work);
  }

  /**
   * Appends a publication to a log within a span whose context goes along with it.
   *
   * @param append is called at once, with the properties that are to be written
   */
  publish<T>(
    log: string,
    channel: string,
    properties: Readonly<Record<string, string>>,
    append: (properties: Readonly<Record<string, string>>) => Promise<T>,
  ): Promise<T> {
    const attributes = {
      'messaging.operation.type': 'send',
      'messaging.destination.name': log,
      'pharos.channel': channel,
    };
    const span = this.#tracer.startSpan('publish', { kind: SpanKind.PRODUCER, attributes });
    const spanContext = span.spanContext();
    // Whoever reads it follows what is sampled only: the others would store and carry a third of a small message for nothing.
    const along = (spanContext.traceFlags & TraceFlags.SAMPLED) === 0 ? {} : writeTraceContext(spanContext);
    return within(span, () => append({ ...properties, ...along }));
  }

  /** What is done with a publication that was read from a log; undefined where its publisher is not traced, or not sampled. */
  consume(name: string, carrier: TraceCarrier, attributes: () => Attributes): EndSpan | undefined {
    const parent = readTraceContext(carrier);
    if (parent === undefined || (parent.traceFlags & TraceFlags.SAMPLED) === 0) return undefined;
    const from = trace.setSpanContext(ROOT_CONTEXT, parent);
    const options = { kind: SpanKind.CONSUMER, attributes: { 'messaging.operation.type': 'process', ...attributes() } };
    const span = this.#tracer.startSpan(name, options, from);
    return (error) => end(span, error);
  }
}

/** The span that an error has ended, the latest one where it was several: the error is logged when it is over. */
const endedBy = new WeakMap<object, SpanContext>();

/**
 * Fields that tie a log record to a span: to the one in which it is written, else to the one that the error has ended of which it tells. None
 * where nothing is traced.
 *
 * @param error what the record tells of
 */
export function traceFields(error?: unknown): Record<string, string> {
  const span = trace.getActiveSpan();
  // What is made within a span and outlives it, as a connection does, is no part of it any more.
  if (span?.isRecording() === true) return fieldsOf(span.spanContext());
  const ended = typeof error === 'object' && error !== null ? endedBy.get(error) : undefined;
  return ended === undefined ? {} : fieldsOf(ended);
}

function fieldsOf({ traceId, spanId }: SpanContext): Record<string, string> {
  return { trace_id: traceId, span_id: spanId };
}

function parentIn(carrier: TraceCarrier): Context {
  const parent = readTraceContext(carrier);
  return parent === undefined ? context.active() : trace.setSpanContext(ROOT_CONTEXT, parent);
}

/** `work` is called in this very turn. */
async function within<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    const result = await context.with(trace.setSpan(context.active(), span), work);
    end(span);
    return result;
  } catch (error) {
    end(span, error);
    throw error;
  }
}

function end(span: Span, error?: unknown): void {
  if (error !== undefined) {
    // The message can quote a client; the log has it, with what must not be seen taken out.
    const isObject = typeof error === 'object' && error !== null;
    const code: unknown = isObject ? Reflect.get(error, 'code') : undefined;
    if (isObject && span.isRecording()) endedBy.set(error, span.spanContext());
    span.setStatus({ code: SpanStatusCode.ERROR });
    if (typeof code === 'string' || typeof code === 'number') span.setAttribute('error.type', String(code));
  }
  span.end();
}
