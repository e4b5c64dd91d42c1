import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Span, TraceFlags, type Tracer } from '@opentelemetry/api';
import { readTraceContext, writeTraceContext } from '../src/trace-context.ts';
import { Tracing } from '../src/tracing.ts';

const trace = '0af7651916cd43dd8448eb211c80319c';
const span = 'b7ad6b7169203331';

describe('the trace context', () => {
  test('is written as it was read', () => {
    const carrier = { traceparent: `00-${trace}-${span}-01`, tracestate: 'vendor=value,other=1' };
    const context = readTraceContext(carrier);
    assert.ok(context !== undefined);
    assert.deepEqual([context.traceId, context.spanId, context.traceFlags], [trace, span, 1]);
    assert.deepEqual(writeTraceContext(context), carrier);
  });

  test('flags other than sampled are not passed on; a later version is read as far as it is known', () => {
    const context = readTraceContext({ traceparent: `01-${trace}-${span}-03-more` });
    assert.ok(context !== undefined);
    assert.deepEqual(writeTraceContext(context), { traceparent: `00-${trace}-${span}-01` });
  });

  test('what is none is none', () => {
    const zeros = '0'.repeat(32);
    for (const traceparent of [
      undefined,
      '',
      'x',
      `00-${trace}-${span}`,
      `00-${trace}-${span}-01-more`,
      `ff-${trace}-${span}-01`,
      `00-${trace.toUpperCase()}-${span}-01`,
      `00-${zeros}-${span}-01`,
      `00-${trace}-${zeros.slice(0, 16)}-01`,
      `00-${trace}-${span}-01\n`,
    ]) {
      assert.equal(readTraceContext({ traceparent }), undefined, String(traceparent));
    }
  });

  test('goes along with what is sampled, and costs other messages nothing', async () => {
    const properties = async (traceFlags: number): Promise<unknown> => {
      const own = { spanContext: () => ({ traceId: trace, spanId: span, traceFlags }), end: () => undefined };
      const tracing = new Tracing({ startSpan: () => own as unknown as Span } as unknown as Tracer);
      return await tracing.publish('log', 'news', { of: 'its own' }, (written) => Promise.resolve(written));
    };
    assert.deepEqual(await properties(TraceFlags.SAMPLED), {
      of: 'its own',
      traceparent: `00-${trace}-${span}-01`,
    });
    assert.deepEqual(await properties(TraceFlags.NONE), { of: 'its own' });
  });

  test('a state that is too long, or no state, is left out', () => {
    for (const tracestate of ['a='.padEnd(600, 'x'), '???']) {
      const context = readTraceContext({ traceparent: `00-${trace}-${span}-00`, tracestate });
      assert.ok(context !== undefined);
      assert.deepEqual(writeTraceContext(context), { traceparent: `00-${trace}-${span}-00` });
    }
  });
});
