import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Span, Tracer } from '@opentelemetry/api';
import { createLogger, type LoggerOptions, Tracing } from '../src/index.ts';

function logged(options: Partial<LoggerOptions>, use: (logger: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = [];
  const destination = { write: (line: string): void => void lines.push(line) };
  use(createLogger({ name: 'edge', destination, ...options }));
  return lines;
}

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';

describe('JSON lines', () => {
  test('level, time, name, fields and message', () => {
    const [line = ''] = logged({}, (logger) => logger.info({ client: 'c1' }, 'client connected'));
    const { time, ...record } = JSON.parse(line) as Record<string, unknown>;
    assert.equal(typeof time, 'number');
    assert.deepEqual(record, { level: 30, name: 'edge', client: 'c1', msg: 'client connected' });
  });

  test('what is below the level is not written', () => {
    const lines = logged({ level: 'warn' }, (logger) => {
      logger.info('no');
      logger.warn('yes');
      assert.equal(logger.isLevelEnabled('info'), false);
    });
    assert.equal(lines.length, 1);
    assert.deepEqual(
      logged({ level: 'silent' }, (logger) => logger.fatal('no')),
      [],
    );
  });

  test('a child adds its fields', () => {
    const [line = ''] = logged({}, (logger) => logger.child({ lane: 3 }).info('attached'));
    assert.equal((JSON.parse(line) as { lane: number }).lane, 3);
  });

  test('an error is written with its type, message and causes', () => {
    const err = new TypeError('outer', { cause: new Error('inner') });
    const [line = ''] = logged({}, (logger) => logger.error({ err }, 'failed'));
    const record = JSON.parse(line) as { err: { type: string; message: string; cause: { message: string } } };
    assert.equal(record.err.type, 'TypeError');
    assert.equal(record.err.message, 'outer');
    assert.equal(record.err.cause.message, 'inner');
  });
});

describe('trace ids', () => {
  const spanContext = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
  const tracing = (isRecording: boolean): Tracing => {
    const nothing = (): undefined => undefined;
    const span = { spanContext: () => spanContext, isRecording: () => isRecording, setStatus: nothing, end: nothing };
    return new Tracing({ startSpan: () => span as unknown as Span } as unknown as Tracer);
  };
  const record = (err: unknown): Record<string, unknown> => {
    const [line = ''] = logged({}, (logger) => logger.warn({ err, times: 1 }, 'publishes failed'));
    return JSON.parse(line) as Record<string, unknown>;
  };

  test('a record of an error has those of the span that it ended, when that is over; others have none', async () => {
    const [failed, unsampled] = [new Error('no broker'), new Error('no broker')];
    const fail = (isRecording: boolean, error: Error): Promise<void> =>
      assert.rejects(
        tracing(isRecording).publish('log', 'news', {}, () => Promise.reject(error)),
        error,
      );
    await fail(true, failed);
    await fail(false, unsampled);
    const { trace_id: traceId, span_id: spanId, times } = record(failed);
    assert.deepEqual([traceId, spanId, times], [spanContext.traceId, spanContext.spanId, 1]);
    for (const error of [unsampled, new Error('another'), 'a text', undefined])
      assert.equal('trace_id' in record(error), false);
  });
});

describe('redaction', () => {
  test('by field, up to two levels down', () => {
    const [line = ''] = logged({}, (logger) =>
      logger.info({ token: 'hunter2', a: { password: 'hunter2' }, r: { headers: { authorization: 'hunter2' } } }, 'x'),
    );
    assert.ok(!line.includes('hunter2'), line);
    assert.equal(line.split('[redacted]').length, 4);
  });

  test('JSON Web Tokens anywhere in a line, in both formats', () => {
    for (const format of ['json', 'human'] as const) {
      const [line = ''] = logged({ format }, (logger) =>
        logger.warn({ url: `/x?token=${JWT}&a=1`, err: new Error(`bad ${JWT}`) }, `refused ${JWT}`),
      );
      assert.ok(!line.includes('eyJ') && !line.includes('c2lnbmF0dXJl'), line);
      assert.match(line, /a=1/);
    }
  });

  test('what only starts like a token stays', () => {
    const [line = ''] = logged({}, (logger) => logger.info('eyJ is how one starts'));
    assert.match(line, /eyJ is how one starts/);
  });
});

describe('lines for people', () => {
  const human = { format: 'human', colours: false } as const;

  test('one line: time, level, name, message, fields', () => {
    const [line = ''] = logged(human, (logger) =>
      logger.warn({ client: 'c1', text: 'two words', at: { a: [1] } }, 'slow client'),
    );
    assert.match(
      line,
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}edge: slow client client=c1 text="two words" at=\{ a: \[ 1 \] \}\n$/,
    );
  });

  test('an error stays on the line', () => {
    const [line = ''] = logged(human, (logger) => logger.error({ err: new RangeError('too\nbig') }, 'failed'));
    assert.equal(line.split('\n').length, 2);
    assert.match(line, /err="RangeError: too\\nbig at /);
  });

  test('control characters from outside do not reach the terminal', () => {
    const lines = logged(human, (logger) => logger.info({ text: 'a\u009b2J' }, 'said \u001b[2J'));
    assert.match(lines.join(''), /said \\x1b\[2J text="a\\x9b2J"\n$/);
  });

  test('colours where asked for', () => {
    const [line = ''] = logged({ format: 'human', colours: true }, (logger) => logger.info('x'));
    assert.ok(line.includes('\u001b[32mINFO'));
  });
});
