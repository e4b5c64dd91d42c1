import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IdleWatch } from '../src/ws/idle.ts';
import type { WsSocket } from '../src/ws/socket.ts';

interface FakeSocket {
  bytesRead: number;
  pings: number;
  dropped: boolean;
}

function watched(watch: IdleWatch): FakeSocket {
  const state: FakeSocket = { bytesRead: 0, pings: 0, dropped: false };
  const socket = {
    get bytesRead(): number {
      return state.bytesRead;
    },
    ping(): void {
      state.pings++;
    },
    terminate(): void {
      state.dropped = true;
      watch.delete(socket as unknown as WsSocket<unknown>);
    },
  };
  watch.add(socket as unknown as WsSocket<unknown>);
  return state;
}

describe('watching for silence', () => {
  test('who is silent is pinged, and dropped at the limit; whoever says something has all of the time again', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const watch = new IdleWatch(10);
    const silent = watched(watch);
    const living = watched(watch);
    for (let second = 1; second <= 60; second++) {
      t.mock.timers.tick(1_000);
      assert.equal(silent.pings, second < 6 ? 0 : 1, `after ${second} s`);
      assert.equal(silent.dropped, second >= 11, `after ${second} s`);
      living.bytesRead = living.pings;
    }
    assert.deepEqual([living.dropped, living.pings > 5], [false, true]);
  });

  test('a process that stood still drops nobody before it has asked, and had time to read the answer', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    t.mock.method(performance, 'now', () => nowMs);
    let nowMs = 0;
    const watch = new IdleWatch(8);
    const living = watched(watch);
    // One turn of the timer after a minute: that is what Node makes of those that it has missed.
    for (let turn = 0; turn < 20; turn++) {
      nowMs += 60_000;
      t.mock.timers.tick(1_000);
      living.bytesRead = living.pings;
    }
    assert.deepEqual([living.dropped, living.pings > 2], [false, true]);
  });
});
