import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Liveness, type LivenessLimits, type PingedSession } from '../src/session/liveness.ts';

class FakeSession implements PingedSession {
  fresh = true;
  pongDue = false;
  readonly happened: string[] = [];
  /** What a ping does to it. */
  onPing: () => void = () => undefined;

  ping(): void {
    this.happened.push('ping');
    this.pongDue = true;
    this.onPing();
  }

  noPong(): void {
    this.happened.push('no pong');
  }

  stale(): void {
    this.happened.push('stale');
  }
}

function start(t: TestContext, limits: Partial<LivenessLimits> = {}): Liveness {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const liveness = new Liveness({ pingIntervalMs: 5_000, pongTimeoutMs: 2_000, connectTimeoutMs: 3_000, ...limits });
  liveness.run();
  t.after(() => liveness.stop());
  return liveness;
}

function seconds(t: TestContext, count: number): void {
  for (let second = 0; second < count; second++) t.mock.timers.tick(1_000);
}

function connected(liveness: Liveness): FakeSession {
  const session = new FakeSession();
  session.fresh = false;
  liveness.add(session);
  return session;
}

describe('keeping sessions alive', () => {
  test('each is pinged once an interval, and stays while it answers', (t) => {
    const liveness = start(t);
    const sessions = Array.from({ length: 12 }, () => connected(liveness));
    for (const session of sessions) session.onPing = () => (session.pongDue = false);
    for (let round = 1; round <= 4; round++) {
      seconds(t, 5);
      for (const { happened } of sessions)
        assert.deepEqual(
          happened,
          Array.from({ length: round }, () => 'ping'),
        );
    }
  });

  test('pings are spread over the interval', (t) => {
    const liveness = start(t);
    const sessions = Array.from({ length: 10 }, () => connected(liveness));
    for (let second = 1; second <= 5; second++) {
      seconds(t, 1);
      assert.equal(sessions.filter(({ happened }) => happened.length > 0).length, second * 2);
    }
  });

  for (const pongTimeoutMs of [1_000, 2_000, 4_500, 5_000, 60_000]) {
    const due = Math.min(Math.ceil(pongTimeoutMs / 1_000), 5);
    test(`a pong timeout of ${pongTimeoutMs} ms at pings every 5 s: ended ${due} s after the ping`, (t) => {
      const liveness = start(t, { pongTimeoutMs });
      const session = connected(liveness);
      let waited = 0;
      for (; session.happened.length === 0; waited++) seconds(t, 1);
      assert.ok(waited <= 5);
      seconds(t, due - 1);
      assert.deepEqual(session.happened, ['ping']);
      seconds(t, 1);
      assert.equal(session.happened[1], 'no pong');
    });
  }

  test('a late connection is not blamed for a ping that it never got', (t) => {
    const liveness = start(t);
    seconds(t, 7);
    const session = connected(liveness);
    session.onPing = () => (session.pongDue = false);
    seconds(t, 20);
    assert.ok(!session.happened.includes('no pong'));
  });

  test('who is removed hears nothing more, also from inside a ping', (t) => {
    const liveness = start(t);
    const gone = new FakeSession();
    liveness.remove(gone, liveness.add(gone));
    const leaves = new FakeSession();
    const slot = liveness.add(leaves);
    leaves.onPing = () => liveness.remove(leaves, slot);
    seconds(t, 30);
    assert.deepEqual(gone.happened, []);
    assert.deepEqual(leaves.happened, ['ping']);
  });

  for (const connectTimeoutMs of [1_000, 1_500, 3_000]) {
    test(`who sends no first command is ended after ${connectTimeoutMs} ms, at most 2 s later and never before`, (t) => {
      const liveness = start(t, { connectTimeoutMs });
      for (const lateMs of [1, 400, 999]) {
        t.mock.timers.tick(lateMs);
        const session = new FakeSession();
        liveness.arrived(session);
        let livedMs = 0;
        for (; session.happened.length === 0; livedMs += 100) t.mock.timers.tick(100);
        assert.ok(livedMs >= connectTimeoutMs, `ended after ${livedMs} ms`);
        assert.ok(livedMs <= Math.ceil(connectTimeoutMs / 1_000) * 1_000 + 1_100, `ended after ${livedMs} ms`);
        assert.deepEqual(session.happened, ['stale']);
        seconds(t, 10);
        assert.deepEqual(session.happened, ['stale']);
      }
    });
  }

  test('who connects in time, or goes, is no longer watched', (t) => {
    const liveness = start(t);
    const connects = new FakeSession();
    liveness.arrived(connects);
    const goes = new FakeSession();
    liveness.remove(goes, liveness.arrived(goes));
    connects.fresh = false;
    seconds(t, 20);
    assert.deepEqual([...connects.happened, ...goes.happened], []);
  });
});
