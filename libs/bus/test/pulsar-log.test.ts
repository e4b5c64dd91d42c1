import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PendingAppends, resolveLimits } from '../src/limits.ts';
import { PulsarLog } from '../src/pulsar/pulsar-log.ts';
import { TurnScheduler } from '../src/turns.ts';
import { ScriptedLane } from './fake-stream.ts';

interface Scripted {
  readonly log: PulsarLog;
  readonly lane: ScriptedLane;
  readonly warnings: string[];
}

function scriptedLog(readEpoch: () => Promise<string | undefined>): Scripted {
  const lane = new ScriptedLane();
  lane.entries = [{ ledger: 1, entry: 0, firstOffset: 1 }];
  const warnings: string[] = [];
  const log = new PulsarLog({
    topic: 'scripted',
    lanes: 2,
    epoch: 'life.2',
    defaultChannel: 'chat',
    limitations: [],
    pending: new PendingAppends(resolveLimits({})),
    turns: new TurnScheduler(100_000),
    attachTimeoutMs: 5_000,
    createProducer: () => Promise.reject(new Error('nothing is appended here')),
    openStream: (_lane, start) => lane.open(start),
    joinGroup: () => Promise.reject(new Error('nobody joins here')),
    createReroutingProducer: () => Promise.reject(new Error('nothing is brought here')),
    readEpoch,
    warn: (_detail, message) => warnings.push(message),
    onClose: () => undefined,
  });
  return { log, lane, warnings };
}

const handler = { entry: () => undefined };

describe('a lane of a log that nobody followed', () => {
  test('is not attached where the topic was deleted or made anew meanwhile: its offsets are of another life', async () => {
    for (const epoch of ['another.2', undefined]) {
      const { log, lane } = scriptedLog(() => Promise.resolve(epoch));
      await assert.rejects(log.attach(0, handler), { code: 'log-ended' });
      assert.ok(lane.streams.every(({ closed }) => closed));
      await log.close();
    }
  });

  test('is attached where its epoch stands, and where that can not be read now', async () => {
    const standing = scriptedLog(() => Promise.resolve('life.2'));
    assert.equal((await standing.log.attach(0, handler)).head, 1);
    await standing.log.close();
    const silent = scriptedLog(() => Promise.reject(new Error('no answer')));
    assert.equal((await silent.log.attach(0, handler)).head, 1);
    assert.deepEqual(silent.warnings, ['the epoch of a log could not be read']);
    await silent.log.close();
  });

  test('has its epoch read after it was opened, once for all that wait', async () => {
    const reads: ((epoch: string) => void)[] = [];
    const { log } = scriptedLog(() => new Promise((resolve) => reads.push(resolve)));
    const first = log.attach(0, handler);
    while (reads.length === 0) await new Promise((resolve) => setImmediate(resolve));
    // The read that is under way may have seen what stood before these were opened.
    const others = [log.attach(0, handler), log.attach(1, handler)];
    for (const other of others) other.catch(() => undefined);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    reads[0]?.('life.2');
    await first;
    while (reads.length < 2) await new Promise((resolve) => setImmediate(resolve));
    reads[1]?.('another.2');
    for (const other of others) await assert.rejects(other, { code: 'log-ended' });
    assert.equal(reads.length, 2);
    await log.close();
  });
});
