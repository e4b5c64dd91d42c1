import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLogger } from '@pharos/telemetry';
import { startTracing } from '../src/index.ts';

const logger = createLogger({ name: 'test', level: 'silent' });
const start = (env: Record<string, string>) =>
  startTracing({ env, service: 'edge', identity: { name: 'one', boot: '1' }, logger });

describe('tracing', () => {
  test('is off unless it is asked for, and then nothing has a tracer', async () => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
    for (const env of [{}, { ...endpoint, OTEL_SDK_DISABLED: 'true' }, { ...endpoint, OTEL_TRACES_EXPORTER: 'none' }]) {
      const started = await start(env);
      assert.equal(started.tracing, undefined, JSON.stringify(env));
      await started.stop();
    }
  });

  test('names a variable whose value is not supported', async () => {
    const refused = (env: Record<string, string>, message: RegExp): Promise<void> =>
      assert.rejects(start(env), { code: 'invalid-tracing', message });
    await refused({ OTEL_TRACES_EXPORTER: 'zipkin' }, /OTEL_TRACES_EXPORTER=zipkin: expected otlp or none/);
    await refused(
      { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /OTEL_EXPORTER_OTLP_PROTOCOL=grpc: expected http\/protobuf or http\/json/,
    );
  });
});
