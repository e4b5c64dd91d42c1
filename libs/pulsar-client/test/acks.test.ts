// What becomes of acknowledgements between the application and the broker.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Deferred } from '@pharos/lifecycle';
import fc from 'fast-check';
import { AckQueue, type AckSettings, type AckTarget, plainAcks } from '../src/consumer/ack-queue.ts';
import { ackSetOf, isAcknowledged, leftOf } from '../src/consumer/ack-set.ts';
import { BatchAcks } from '../src/consumer/batch-acks.ts';
import { PulsarError } from '../src/errors.ts';
import { ackType, type CommandAck, type CommandAckResponse, type MessageIdData } from '../src/wire/index.ts';
import { pulsarError } from './support/producers.ts';

const timeout = 20_000;

const entry = (entryId: number): MessageIdData => ({ ledgerId: 7n, entryId: BigInt(entryId) });

/** A connection that notes what is sent over it, and answers when it is told to. */
class Line {
  readonly sent: CommandAck[] = [];
  readonly answers: Deferred<CommandAckResponse>[] = [];
  readonly target: AckTarget;

  constructor() {
    const connection = {
      send: ({ command }: { command: unknown }) => void this.sent.push(command as CommandAck),
      request: (_expected: string, _what: string, build: (requestId: number) => { command: unknown }) => {
        const answer = new Deferred<CommandAckResponse>();
        this.sent.push(build(this.answers.push(answer)).command as CommandAck);
        return answer.promise;
      },
    } as unknown as AckTarget['connection'];
    this.target = { connection, consumerId: 3 };
  }

  /** The entries of each command: `c` ahead of a cumulative one. */
  get told(): string[] {
    return this.sent.map(({ ackType: type, messageId = [] }) => {
      const ids = messageId.map(
        ({ entryId, ackSet }) => `${entryId}${ackSet === undefined ? '' : `=${ackSet.join(',')}`}`,
      );
      return `${type === ackType.cumulative ? 'c' : ''}${ids.join(' ')}`;
    });
  }

  confirm(index: number, answer: Partial<CommandAckResponse> = {}): void {
    this.answers[index]?.resolve({ consumerId: 3, ...answer });
  }
}

function queueOn(settings: Partial<AckSettings> = {}): { queue: AckQueue; line: Line; lines: (Line | undefined)[] } {
  const line = new Line();
  const lines: (Line | undefined)[] = [line];
  const queue = new AckQueue({ ...plainAcks, ...settings }, 'consumer', () => lines.at(-1)?.target);
  return { queue, line, lines };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('acknowledgements on their way', { timeout }, () => {
  test('those of one turn are one command, and the furthest of the cumulative ones stands for all', async () => {
    const { queue, line } = queueOn();
    const done = [
      queue.individual(entry(1)),
      queue.individual(entry(2)),
      queue.cumulative(entry(5)),
      queue.cumulative(entry(4)),
    ];
    assert.deepEqual(line.told, []);
    await Promise.all(done);
    assert.deepEqual(line.told, ['c5', '1 2']);
  });

  test('of messages of one batch the ack set goes once, as it is by then; not at all where the entry is whole', async () => {
    const { queue, line } = queueOn();
    let left: bigint[] | undefined = [0b1110n];
    await Promise.all([
      queue.part(entry(1), () => left),
      queue.part(entry(1), () => [0b1100n]),
      queue.part(entry(2), () => left),
    ]);
    assert.deepEqual(line.told, ['1=12 2=14']);
    const third = queue.part(entry(3), () => left);
    left = undefined;
    await Promise.all([third, queue.individual(entry(3))]);
    assert.deepEqual(line.told.slice(1), ['3']);
  });

  test('a cumulative one within a batch is less than its whole entry, and more than a message before it', async () => {
    const { queue, line } = queueOn();
    const upTo = (batchIndex: number, ackSet: bigint[]) => queue.cumulative({ ...entry(5), batchIndex, ackSet });
    await Promise.all([upTo(2, [0b1000n]), upTo(1, [0b1100n]), queue.cumulative(entry(4))]);
    await Promise.all([upTo(2, [0b1000n]), queue.cumulative(entry(5)), upTo(1, [0b1100n])]);
    assert.deepEqual(line.told, ['c5=8', 'c5']);
  });

  test('more than a thousand are several commands', async () => {
    const { queue, line } = queueOn({ groupingMaxSize: 100_000 });
    await Promise.all(Array.from({ length: 2500 }, (_, index) => queue.individual(entry(index))));
    assert.deepEqual(
      line.sent.map(({ messageId }) => messageId?.length),
      [1000, 1000, 500],
    );
  });

  test('grouped: they wait for their time or their number, and whoever acknowledges does not', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { queue, line } = queueOn({ groupingTimeMs: 100, groupingMaxSize: 3 });
    await queue.individual(entry(1));
    t.mock.timers.tick(99);
    assert.deepEqual(line.told, []);
    t.mock.timers.tick(1);
    assert.deepEqual(line.told, ['1']);
    for (const id of [2, 3, 4, 5]) await queue.individual(entry(id));
    assert.deepEqual(line.told.slice(1), ['2 3 4']);
    t.mock.timers.tick(100);
    assert.deepEqual(line.told.slice(2), ['5']);
  });

  test('without a connection they wait for the next, up to a limit; given up, all fail', async () => {
    const { queue, line, lines } = queueOn();
    lines.push(undefined);
    const waiting = queue.individual(entry(1));
    await turn();
    lines.pop();
    queue.flush();
    await waiting;
    assert.deepEqual(line.told, ['1']);
    lines.push(undefined);
    const all = Array.from({ length: 100_000 }, (_, index) => queue.individual(entry(index)));
    await assert.rejects(queue.individual(entry(1)), pulsarError('NotConnected'));
    queue.fail(new PulsarError('AlreadyClosed', 'closed'));
    await assert.rejects(all[99_999] as Promise<null>, pulsarError('AlreadyClosed'));
    await assert.rejects(queue.individual(entry(1)), pulsarError('AlreadyClosed'));
  });

  test('with receipts: resolved by the broker’s word, failed by its refusal', async () => {
    const { queue, line } = queueOn({ receipts: true });
    let resolved = false;
    const first = queue.individual(entry(1)).finally(() => {
      resolved = true;
    });
    await turn();
    await turn();
    assert.deepEqual([line.told, resolved, queue.asking], [['1'], false, true]);
    line.confirm(0);
    await first;
    assert.equal(queue.asking, false);
    const second = queue.individual(entry(2));
    await turn();
    line.confirm(1, { error: 3, message: 'no' });
    await assert.rejects(second, pulsarError('AuthenticationError'));
  });

  test('with receipts: what the lost connection had not confirmed goes with the next one', async () => {
    const { queue, line, lines } = queueOn({ receipts: true });
    const first = queue.individual(entry(1));
    await turn();
    lines.push(undefined);
    line.answers[0]?.reject(new PulsarError('ConnectError', 'cut'));
    await queue.asked();
    const second = queue.cumulative(entry(9));
    await turn();
    const next = new Line();
    lines.push(next);
    queue.flush();
    assert.deepEqual(next.told, ['c9', '1']);
    next.confirm(0);
    next.confirm(1);
    assert.deepEqual(await Promise.all([first, second]), [null, null]);
  });

  test('with receipts: given up, what was asked for fails too', async () => {
    const { queue, line } = queueOn({ receipts: true });
    const first = queue.individual(entry(1));
    await turn();
    queue.fail(new PulsarError('AlreadyClosed', 'closed'));
    line.answers[0]?.reject(new PulsarError('ConnectError', 'cut'));
    await assert.rejects(first, pulsarError('AlreadyClosed'));
    await turn();
    assert.equal(line.sent.length, 1);
  });
});

describe('batches that are acknowledged in part', { timeout }, () => {
  const size = fc.integer({ min: 2, max: 150 });

  test('an ack set says what is left, for any batch', () => {
    const property = fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 200 }), (flags) => {
      const words = ackSetOf(Uint8Array.from(flags, Number));
      assert.ok(words.every((word) => BigInt.asIntN(64, word) === word));
      assert.deepEqual(
        flags.map((_, index) => isAcknowledged(words, index)),
        flags,
      );
      assert.equal(leftOf(words), flags.filter((flag) => !flag).length);
      // Java leaves out words at the end that have no bit set.
      const short = words.slice(0, words.findLastIndex((word) => word !== 0n) + 1);
      assert.equal(isAcknowledged(short, flags.length - 1), flags.at(-1));
    });
    fc.assert(property, { numRuns: 200 });
  });

  test('the books agree with a set of all that was acknowledged, one by one, up to one, or told by the broker', () => {
    const step = fc.record({
      kind: fc.constantFrom('one', 'upTo', 'known'),
      entry: fc.integer({ min: 0, max: 2 }),
      index: fc.nat(),
    });
    const property = fc.property(size, fc.array(step, { maxLength: 200 }), (batchSize, steps) => {
      const books = new BatchAcks();
      const model = [0, 1, 2].map(() => new Set<number>());
      const whole = [false, false, false];
      for (const { kind, entry: number, index } of steps) {
        if (whole[number] === true) continue;
        const batchIndex = index % batchSize;
        const id = { ...entry(number), batchIndex, batchSize };
        const first = kind === 'one' ? batchIndex : 0;
        for (let marked = first; marked <= batchIndex; marked++) model[number]?.add(marked);
        // All before it is done with.
        if (kind === 'upTo') for (let before = 0; before < number; before++) whole[before] = true;
        const upToHere = Uint8Array.from({ length: batchSize }, (_, at) => (at <= batchIndex ? 1 : 0));
        const answer =
          kind === 'one'
            ? books.acknowledge(id)
            : kind === 'upTo'
              ? books.acknowledgeUpTo(id)
              : books.known(entry(number), batchSize, ackSetOf(upToHere));
        assert.equal(answer, model[number]?.size === batchSize, 'whole with the last of its messages');
        whole[number] = answer;
        for (const open of [0, 1, 2].filter((one) => whole[one] !== true)) {
          const words = books.ackSet(entry(open));
          for (let at = 0; at < batchSize; at++) {
            const done = model[open]?.has(at) === true;
            assert.equal(books.has({ ...entry(open), batchIndex: at, batchSize }), done);
            assert.equal(words !== undefined && isAcknowledged(words, at), done);
          }
        }
      }
      for (const done of [0, 1, 2].filter((one) => whole[one] === true))
        assert.equal(books.ackSet(entry(done)), undefined);
    });
    fc.assert(property, { numRuns: 60 });
  });
});
