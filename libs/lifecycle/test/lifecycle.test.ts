import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { Backoff, DeadlineExceeded, Deferred, runProcess, type Service, withDeadline } from '../src/index.ts';

test('backoff doubles up to its maximum, with jitter between half and whole', () => {
  const low = new Backoff({ initialMs: 100, maxMs: 1_000, random: () => 0 });
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map(() => low.next()),
    [50, 100, 200, 400, 500, 500],
  );
  const high = new Backoff({ initialMs: 100, maxMs: 1_000, random: () => 1 });
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => high.next()),
    [100, 200, 400, 800, 1_000],
  );
  assert.equal(high.attempt, 5);
  high.reset();
  assert.equal(high.next(), 100);
  const long = new Backoff({ initialMs: 1, maxMs: 10, random: () => 1 });
  for (let attempt = 0; attempt < 5_000; attempt++) assert.ok(long.next() <= 10);
});

test('withDeadline gives the result, the failure, or its own error, and leaves no timer', async () => {
  assert.equal(await withDeadline(Promise.resolve(7), 1_000, 'seven'), 7);
  await assert.rejects(withDeadline(Promise.reject(new Error('no')), 1_000, 'nothing'), /^Error: no$/);
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const late = new Deferred<void>();
    const waiting = withDeadline(late.promise, 50, 'the late one');
    mock.timers.tick(50);
    await assert.rejects(waiting, (error: unknown) => {
      assert.ok(error instanceof DeadlineExceeded);
      assert.equal(error.message, 'the late one took longer than 50 ms');
      return true;
    });
    // Nobody waits any more: a late failure must not become an unhandled rejection.
    late.reject(new Error('too late'));
    await Promise.resolve();
  } finally {
    mock.timers.reset();
  }
});

/** A service that notes its calls and drains when told. */
function recorded(drained: Promise<void>): { service: Service; calls: string[]; running: Promise<void> } {
  const calls: string[] = [];
  const running = new Deferred<void>();
  return {
    calls,
    running: running.promise,
    service: {
      async run() {
        calls.push('run');
        // The signal is awaited after `run`, so tell in a later turn.
        setImmediate(() => running.resolve());
      },
      async drain() {
        calls.push('drain');
        await drained;
        calls.push('drained');
      },
      async stop() {
        calls.push('stop');
      },
    },
  };
}

test('runProcess drains and stops at SIGTERM', async () => {
  const { service, calls, running } = recorded(Promise.resolve());
  const done = runProcess(service, { drainTimeoutMs: 10_000 });
  await running;
  process.emit('SIGTERM', 'SIGTERM');
  await done;
  assert.deepEqual(calls, ['run', 'drain', 'drained', 'stop']);
});

test('a second signal stops at once, and so does the drain timeout', async () => {
  for (const end of ['signal', 'timeout'] as const) {
    const { service, calls, running } = recorded(new Promise(() => undefined));
    const events: string[] = [];
    const done = runProcess(service, {
      drainTimeoutMs: end === 'timeout' ? 1 : 60_000,
      onEvent: (event) => void events.push(event),
    });
    await running;
    process.emit('SIGTERM', 'SIGTERM');
    if (end === 'signal') setImmediate(() => process.emit('SIGINT', 'SIGINT'));
    await done;
    assert.deepEqual(calls, ['run', 'drain', 'stop'], end);
    assert.equal(events.at(-1), 'drain-cut-short');
  }
});

test('a service that fails to start is stopped, and its error is the caller’s', async () => {
  const calls: string[] = [];
  const service: Service = {
    run: async () => Promise.reject(new Error('port in use')),
    drain: async () => void calls.push('drain'),
    stop: async () => void calls.push('stop'),
  };
  await assert.rejects(runProcess(service, { drainTimeoutMs: 1 }), /port in use/);
  assert.deepEqual(calls, ['stop']);
  assert.equal(process.listenerCount('SIGTERM'), 0);
});

test('a service that is still starting is stopped by a signal', async () => {
  const calls: string[] = [];
  const started = new Deferred<void>();
  const service: Service = {
    run: async () => {
      started.resolve();
      await new Promise(() => undefined);
    },
    drain: async () => void calls.push('drain'),
    stop: async () => void calls.push('stop'),
  };
  const done = runProcess(service, { drainTimeoutMs: 60_000 });
  await started.promise;
  process.emit('SIGTERM', 'SIGTERM');
  await done;
  assert.deepEqual(calls, ['drain', 'stop']);
});
