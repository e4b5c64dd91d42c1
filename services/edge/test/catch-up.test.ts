import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CatchUp } from '../src/outbound/catch-up.ts';

describe('a lane that is read before it is followed', () => {
  test('is through when it says so, at once or after more entries', async () => {
    assert.equal(await new CatchUp({ maxBytes: 1, timeoutMs: 60_000 }).outcome(() => true), true);
    const catchUp = new CatchUp({ maxBytes: 10, timeoutMs: 60_000 });
    let through = false;
    const outcome = catchUp.outcome(() => through);
    catchUp.read(10);
    catchUp.check();
    through = true;
    catchUp.check();
    assert.equal(await outcome, true);
  });

  test('is given up where it has more bytes than may be read, takes too long, or is stopped', async () => {
    const much = new CatchUp({ maxBytes: 10, timeoutMs: 60_000 });
    // What came before anybody waited counts too.
    much.read(11);
    assert.equal(await much.outcome(() => false), false);
    assert.equal(await new CatchUp({ maxBytes: 10, timeoutMs: 1 }).outcome(() => false), false);
    const stopped = new CatchUp({ maxBytes: 10, timeoutMs: 60_000 });
    const outcome = stopped.outcome(() => false);
    stopped.stop();
    assert.equal(await outcome, false);
  });
});
