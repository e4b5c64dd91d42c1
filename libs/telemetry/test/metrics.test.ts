import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRegistry, describeRuntimeMetrics, Metrics } from '../src/index.ts';

const bare = (): Metrics => new Metrics(createRegistry({ processMetrics: false }));

describe('metrics', () => {
  test('a counter, a gauge that is collected and a histogram come out as Prometheus text', async () => {
    const metrics = bare();
    metrics.counter({ name: 'pharos_frames_total', help: 'Frames.', labels: ['kind'] }).inc({ kind: 'text' }, 2);
    metrics.gauge({ name: 'pharos_clients', help: 'Clients.', collect: (gauge) => gauge.set(7) });
    metrics.histogram({ name: 'pharos_wait_seconds', help: 'Wait.', buckets: [0.1, 1] }).observe(0.5);
    const text = await metrics.registry.metrics();
    assert.match(text, /pharos_frames_total\{kind="text"\} 2/);
    assert.match(text, /pharos_clients 7/);
    assert.match(text, /pharos_wait_seconds_bucket\{le="0.1"\} 0/);
    assert.match(text, /pharos_wait_seconds_bucket\{le="1"\} 1/);
  });

  test('a counter may be asked for its total at each scrape', async () => {
    const metrics = bare();
    let total = 3;
    metrics.counter({ name: 'pharos_busy_seconds_total', help: 'Busy.', total: () => total });
    assert.match(await metrics.registry.metrics(), /pharos_busy_seconds_total 3/);
    total = 5;
    assert.match(await metrics.registry.metrics(), /pharos_busy_seconds_total 5/);
  });

  test('what a gauge is not set to any more is not there any more', async () => {
    const metrics = bare();
    let logs = ['old', 'kept'];
    const collect = (gauge: { set(labels: { log: string }, value: number): void }): void => {
      for (const log of logs) gauge.set({ log }, 90);
    };
    metrics.gauge({ name: 'pharos_behind_seconds', help: 'Behind.', labels: ['log'], collect });
    assert.match(await metrics.registry.metrics(), /\{log="old"\} 90\n.*\{log="kept"\} 90/);
    logs = ['kept'];
    assert.doesNotMatch(await metrics.registry.metrics(), /old/);
    logs = [];
    assert.doesNotMatch(await metrics.registry.metrics(), /^pharos_behind_seconds/m);
  });

  test('what was made is listed for the reference', () => {
    const metrics = bare();
    metrics.counter({ name: 'pharos_frames_total', help: 'Frames.', labels: ['kind'] });
    assert.deepEqual(metrics.describe(), [
      { name: 'pharos_frames_total', type: 'counter', help: 'Frames.', labels: ['kind'] },
    ]);
  });

  test('what the runtime measures is listed for the reference, with its labels', async () => {
    const described = describeRuntimeMetrics();
    const served = [...(await createRegistry().metrics()).matchAll(/^# TYPE (\S+) (\w+)$/gm)];
    assert.deepEqual(
      described.map(({ name, type }) => `${name} ${type}`),
      served.map(([, name, type]) => `${name} ${type}`),
    );
    const collection = described.find(({ name }) => name === 'nodejs_gc_duration_seconds');
    assert.deepEqual([collection?.type, collection?.labels], ['histogram', ['kind']]);
  });

  test('names are held to the rules', () => {
    const metrics = bare();
    metrics.gauge({ name: 'pharos_clients', help: 'Clients.' });
    const refused = (make: () => unknown, why: RegExp): void => {
      assert.throws(make, { code: 'invalid-metric', message: why });
    };
    refused(() => metrics.gauge({ name: 'clients', help: 'x' }), /metric clients: expected .*starts with pharos_/);
    refused(() => metrics.gauge({ name: 'pharos_Clients', help: 'x' }), /small letters/);
    refused(() => metrics.counter({ name: 'pharos_frames', help: 'x' }), /_total/);
    refused(() => metrics.gauge({ name: 'pharos_x', help: ' ' }), /help text/);
    refused(() => metrics.gauge({ name: 'pharos_x_total', help: 'x' }), /counter/);
    refused(() => metrics.gauge({ name: 'pharos_wait_ms', help: 'x' }), /base unit/);
    refused(() => metrics.histogram({ name: 'pharos_wait', help: 'x', buckets: [1] }), /unit/);
    const buckets = Array.from({ length: 13 }, (_value, index) => index);
    refused(() => metrics.histogram({ name: 'pharos_wait_seconds', help: 'x', buckets }), /at most 12 buckets/);
    refused(() => metrics.gauge({ name: 'pharos_clients', help: 'x' }), /taken/);
  });

  test('the process metrics have their standard names', async () => {
    const text = await createRegistry().metrics();
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_p99_seconds',
    ]) {
      assert.match(text, new RegExp(`^${name} `, 'm'));
    }
  });

  test('two registries do not share anything', async () => {
    const [one, two] = [bare(), bare()];
    one.gauge({ name: 'pharos_clients', help: 'x' }).set(1);
    two.gauge({ name: 'pharos_clients', help: 'x' }).set(2);
    assert.match(await one.registry.metrics(), /pharos_clients 1/);
    assert.match(await two.registry.metrics(), /pharos_clients 2/);
  });
});
