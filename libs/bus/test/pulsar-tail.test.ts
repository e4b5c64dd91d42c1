import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BusError, type TailStart } from '@pharos/bus';
import { attachLane } from '../src/pulsar/attach.ts';
import { PulsarTail } from '../src/pulsar/pulsar-tail.ts';
import { laneRouting } from '../src/routing.ts';
import { TurnScheduler } from '../src/turns.ts';
import { Collector } from './conformance/harness.ts';
import { ScriptedLane } from './fake-stream.ts';

/** A tail on a scripted lane; `epoch` is what the log says when it's asked. */
class Rig {
  readonly lane = new ScriptedLane();
  readonly collector: Collector & { lost: Error[] } = Object.assign(new Collector(), { lost: [] as Error[] });
  readonly warnings: string[] = [];
  readonly unreadable: string[] = [];
  epoch: string | undefined | Error = 'life.1';
  markers = 0;
  tail: PulsarTail | undefined;

  async attach(start: TailStart = { at: 'head' }): Promise<PulsarTail> {
    const attached = await attachLane(
      {
        topic: 'scripted',
        open: this.lane.open,
        appendMarker: async () => {
          this.markers++;
          const entry = { ledger: 9, entry: this.markers, firstOffset: 100 + this.markers };
          this.lane.append(entry);
          return { ledgerId: 9n, entryId: BigInt(this.markers) };
        },
        deadlineAt: performance.now() + 5000,
      },
      start,
    );
    this.tail = new PulsarTail({
      topic: 'scripted',
      epoch: 'life.1',
      context: { routing: laneRouting(0, 1, 'chat'), onUnreadable: (position) => this.unreadable.push(position) },
      handler: Object.assign(this.collector, { indexLost: (error: Error) => this.collector.lost.push(error) }),
      turns: new TurnScheduler(100_000),
      attached,
      open: this.lane.open,
      readEpoch: async () => {
        if (this.epoch instanceof Error) throw this.epoch;
        return this.epoch;
      },
      warn: (_detail, message) => this.warnings.push(message),
      onClose: () => undefined,
    });
    return this.tail;
  }

  get offsets(): number[] {
    return this.collector.seen.map((seen) => seen.offset);
  }
}

const entry = (ledger: number, id: number, firstOffset: number) => ({ ledger, entry: id, firstOffset });

describe('pulsar tail', () => {
  test('begins after the newest entry, read once and not handed over', async () => {
    const rig = new Rig();
    rig.lane.entries = [entry(1, 0, 1), entry(1, 1, 2)];
    const tail = await rig.attach();
    assert.equal(tail.head, 2);
    assert.equal(tail.position, '1:1');
    assert.equal(rig.markers, 0);
    rig.lane.append(entry(1, 2, 3));
    await rig.collector.untilCount(1);
    assert.deepEqual(rig.offsets, [3]);
    assert.equal(rig.lane.streams[0]?.closed, true, 'the probe is closed');
  });

  test('appends a mark where there is nothing to read', async () => {
    const rig = new Rig();
    const tail = await rig.attach();
    assert.equal(rig.markers, 1);
    assert.equal(tail.head, 101);
  });

  test('appends a mark where the newest entry is gone', async () => {
    const rig = new Rig();
    rig.lane.entries = [entry(1, 0, 1)];
    const { open } = rig.lane;
    rig.lane.open = async (start) => {
      const stream = await open(start);
      if (start.at === 'entry' && start.ledgerId === 1n) while (stream.take() !== undefined);
      return stream;
    };
    assert.equal((await rig.attach()).head, 101);
    assert.equal(rig.markers, 1);
  });

  test('reads back what is recent where the newest entry is a mark of the broker’s, which nobody is given', async () => {
    const rig = new Rig();
    // At 1:2 lies the mark; 1:3 came while the lane was attached.
    rig.lane.entries = [entry(1, 0, 1), entry(1, 1, 2), entry(1, 3, 4)];
    const { open } = rig.lane;
    rig.lane.open = async (start) => {
      const stream = await open(start);
      if (start.at === 'latest') stream.newest = async () => ({ ledgerId: 1n, entryId: 2n });
      return stream;
    };
    const tail = await rig.attach({ at: 'recent', maxAgeMs: Date.now() - 1_690_000_000_000 });
    assert.deepEqual([tail.head, tail.newestAtAttach, rig.markers], [0, 3, 0]);
    await rig.collector.untilCount(3);
    assert.deepEqual(rig.offsets, [1, 2, 4]);
  });

  test('where entries have no index there are no offsets, only what is live', async () => {
    const rig = new Rig();
    rig.lane.entries = [entry(1, 0, 0)];
    rig.lane.indexed = false;
    const tail = await rig.attach();
    assert.equal(rig.markers, 1, 'a new entry was looked at');
    assert.equal(tail.indexed, false);
    rig.lane.append(entry(9, 2, 0), entry(9, 3, 0));
    await rig.collector.untilCount(2);
    assert.deepEqual(rig.offsets, [0, 0]);
    assert.equal(tail.head, 0);
    assert.equal(tail.position, '9:3');
  });

  test('a position is followed from where its entry is there, and where the next one fits', async () => {
    for (const start of [1, 2]) {
      const rig = new Rig();
      rig.lane.entries = [entry(1, 0, 1), entry(1, 1, 2), entry(2, 0, 3)].slice(start - 1);
      await rig.attach({ at: 'after', position: '1:0', offset: 1 });
      await rig.collector.untilCount(2);
      assert.deepEqual(rig.offsets, [2, 3]);
    }
  });

  test('a position that is no longer kept, or of another life, is an error', async () => {
    const gone = { at: 'after', position: '1:0', offset: 1 } as const;
    for (const entries of [[entry(2, 0, 5)], [entry(1, 0, 7)], [entry(2, 0, 1)]]) {
      const rig = new Rig();
      rig.lane.entries = entries;
      await assert.rejects(rig.attach(gone), { code: 'position-gone' });
      assert.ok(rig.lane.streams.every((stream) => stream.closed));
    }
  });

  test('a broker that forgets the resubscription without a word is subscribed to once more', async () => {
    const rig = new Rig();
    rig.lane.entries = [entry(1, 0, 1)];
    const { open } = rig.lane;
    let forgets = false;
    rig.lane.open = async (start) => {
      const stream = await open(start);
      if (!forgets) return stream;
      forgets = false;
      while (stream.take() !== undefined);
      await stream.close();
      return stream;
    };
    await rig.attach();
    const before = rig.lane.streams.length;
    forgets = true;
    rig.lane.stream.fail(new BusError('unreachable', 'the topic moves'));
    rig.lane.append(entry(1, 1, 2));
    await rig.collector.untilCount(1);
    assert.equal(rig.lane.streams.length, before + 2);
    assert.deepEqual(rig.offsets, [2]);
    assert.equal(rig.collector.holes.length, 0);
  });

  test('missing offsets are read again before anything past them is handed over', async () => {
    const rig = new Rig();
    rig.lane.entries = [entry(1, 0, 1)];
    await rig.attach();
    rig.lane.entries.push(entry(1, 1, 2), entry(1, 2, 3));
    rig.lane.failures = [new BusError('unreachable', 'no broker for a moment')];
    rig.lane.stream.feed([entry(2, 0, 4)]);
    rig.lane.entries.push(entry(2, 0, 4));
    await rig.collector.untilCount(3);
    assert.deepEqual(rig.offsets, [2, 3, 4]);
    assert.deepEqual(rig.collector.holes, []);
    assert.deepEqual(rig.lane.starts.at(-1), { at: 'entry', ledgerId: 1n, entryId: 0n });
    assert.deepEqual(rig.collector.connections, [false, true], 'only where the re-read had to wait');
  });

  test('offsets that stay missing are told as lost, once', async () => {
    const rig = new Rig();
    rig.lane.entries = [entry(1, 0, 1)];
    await rig.attach();
    rig.lane.entries = [];
    rig.lane.append(entry(2, 0, 4));
    rig.lane.append(entry(2, 1, 5));
    await rig.collector.untilCount(2);
    assert.deepEqual(rig.offsets, [4, 5]);
    assert.deepEqual(rig.collector.holes, [{ from: 2, to: 3, kind: 'lost' }]);
  });

  test('an index that goes backwards in a new life ends the tail', async () => {
    const rig = new Rig();
    rig.lane.entries = [entry(1, 0, 7)];
    await rig.attach();
    rig.epoch = 'other.1';
    rig.lane.append(entry(2, 0, 1));
    await rig.collector.until(() => rig.collector.endings.length > 0, 'the end');
    assert.equal((rig.collector.endings[0] as BusError).code, 'log-ended');
    assert.deepEqual(rig.offsets, []);
    assert.equal(rig.lane.stream.closed, true);
  });

  test('an index that goes backwards in the same life costs the offsets, and says so', async () => {
    for (const epoch of ['life.1', new Error('no admin')]) {
      const rig = new Rig();
      rig.lane.entries = [entry(1, 0, 7)];
      const tail = await rig.attach();
      rig.epoch = epoch;
      rig.lane.append(entry(2, 0, 1), entry(2, 1, 2));
      await rig.collector.untilCount(2);
      assert.deepEqual(rig.collector.texts, ['1', '2']);
      assert.deepEqual(rig.offsets, [0, 0]);
      assert.equal(tail.indexed, false);
      assert.equal(rig.collector.lost.length, 1);
      assert.match(rig.collector.lost[0]?.message ?? '', /can't be trusted/);
    }
  });

  test('a log that was replaced while the connection was gone ends the tail when it is back', async () => {
    const rig = new Rig();
    rig.lane.entries = [entry(1, 0, 7)];
    const tail = await rig.attach();
    rig.epoch = undefined;
    rig.lane.stream.fail(new BusError('unreachable', 'the connection was lost'));
    assert.equal(tail.connected, false);
    await rig.collector.until(() => rig.collector.endings.length > 0, 'the end');
    assert.deepEqual(rig.collector.connections, [false, true]);
    assert.match(rig.collector.endings[0]?.message ?? '', /deleted/);
  });

  test('a subscription that ends is made anew whatever the reason, unless the log is gone', async () => {
    const rig = new Rig();
    rig.lane.entries = [entry(1, 0, 1)];
    await rig.attach();
    rig.lane.stream.fail(new BusError('unreachable', 'the broker went'));
    rig.lane.append(entry(1, 1, 2));
    await rig.collector.untilCount(1);
    assert.deepEqual(rig.offsets, [2]);
    rig.lane.failures = [
      new BusError('unreachable', 'it answers HTTP', { retryable: false }),
      new BusError('refused', 'no'),
    ];
    rig.lane.stream.fail(new BusError('refused', 'no permission for a moment'));
    rig.lane.append(entry(1, 2, 3));
    await rig.collector.untilCount(2);
    assert.deepEqual(rig.offsets, [2, 3]);
    assert.equal(rig.collector.endings.length, 0);
    rig.lane.stream.fail(new BusError('log-ended', 'deleted'));
    await rig.collector.until(() => rig.collector.endings.length > 0, 'the end');
    assert.equal((rig.collector.endings[0] as BusError).code, 'log-ended');
  });

  test('entries that nobody can read are told as lost, with an index or without', async () => {
    const rig = new Rig();
    rig.lane.entries = [entry(1, 0, 1)];
    const tail = await rig.attach();
    rig.lane.append({ ...entry(1, 1, 2), unreadable: true }, entry(1, 2, 3));
    rig.lane.append({ ...entry(1, 3, 0), unreadable: true }, entry(1, 4, 5));
    await rig.collector.untilCount(2);
    assert.deepEqual(rig.offsets, [3, 5]);
    assert.deepEqual(rig.collector.holes, [
      { from: 2, to: 2, kind: 'lost' },
      { from: 4, to: 4, kind: 'lost' },
    ]);
    assert.deepEqual(rig.unreadable, ['1:1', '1:3']);
    assert.equal(tail.indexed, true);
  });

  test('what has arrived before the end is delivered before it', async () => {
    const rig = new Rig();
    rig.lane.entries = [entry(1, 0, 1)];
    await rig.attach();
    rig.lane.append(entry(1, 1, 2), entry(1, 2, 3));
    rig.lane.stream.fail(new BusError('log-ended', 'terminated'));
    await rig.collector.until(() => rig.collector.endings.length > 0, 'the end');
    assert.deepEqual(rig.offsets, [2, 3]);
  });

  test('closing while the lane is being re-read leaves no stream open', async () => {
    const rig = new Rig();
    rig.lane.entries = [entry(1, 0, 1)];
    const tail = await rig.attach();
    rig.lane.failures = [new BusError('unreachable', 'down'), new BusError('unreachable', 'down')];
    rig.lane.stream.fail(new BusError('unreachable', 'the broker went'));
    await rig.collector.until(() => rig.collector.connections.length > 0, 'the loss');
    await tail.close();
    assert.ok(rig.lane.streams.every((stream) => stream.closed));
    assert.deepEqual(rig.collector.endings, []);
  });
});
