import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BusError } from '@pharos/bus';
import { Deferred } from '@pharos/lifecycle';
import { LaneAppender, type LaneProducer, type OutgoingMessage } from '../src/pulsar/lane-appender.ts';
import type { EntryPosition } from '../src/pulsar/position.ts';

/** A producer that answers when a test says so. */
class ScriptedProducer implements LaneProducer {
  connected = true;
  ended: BusError | undefined;
  closed = false;
  readonly sent: { readonly text: string; readonly answer: Deferred<EntryPosition> }[] = [];

  send(message: OutgoingMessage): Promise<EntryPosition> {
    const answer = new Deferred<EntryPosition>();
    this.sent.push({ text: message.data.toString(), answer });
    return answer.promise;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  answer(index: number): void {
    this.sent[index]?.answer.resolve({ ledgerId: 1n, entryId: BigInt(index) });
  }

  get texts(): string[] {
    return this.sent.map(({ text }) => text);
  }
}

/** An appender whose producer comes after as many failures as `failures` has. */
function rig(failures: Error[] = []) {
  const producer = new ScriptedProducer();
  let reconnected: () => void = () => undefined;
  const appender = new LaneAppender({
    topic: 't',
    lane: 3,
    createProducer: async (onChange) => {
      reconnected = onChange;
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      return producer;
    },
  });
  const append = (text: string, deadlineMs = 10_000): Promise<EntryPosition> =>
    appender.append({ data: Buffer.from(text), properties: {} }, deadlineMs);
  return { producer, appender, append, reconnected: () => reconnected() };
}

describe('lane appender', () => {
  test('a producer that ended fails what waits for it, and the next append makes another', async () => {
    const { producer, append, reconnected } = rig();
    const first = append('a');
    await new Promise(setImmediate);
    producer.answer(0);
    await first;
    producer.connected = false;
    const waiting = append('b');
    producer.ended = new BusError('refused', 'not authorised');
    reconnected();
    await assert.rejects(waiting, /not authorised/);
    producer.ended = undefined;
    producer.connected = true;
    const again = append('c');
    await new Promise(setImmediate);
    producer.answer(1);
    assert.deepEqual(await again, { ledgerId: 1n, entryId: 1n });
    assert.deepEqual(producer.texts, ['a', 'c']);
  });

  test('appends in order, each with its own position', async () => {
    const { producer, append } = rig();
    const appended = ['a', 'b', 'c'].map((text) => append(text));
    await Promise.resolve();
    await new Promise(setImmediate);
    assert.deepEqual(producer.texts, ['a', 'b', 'c']);
    for (const index of [2, 0, 1]) producer.answer(index);
    assert.deepEqual(
      (await Promise.all(appended)).map(({ entryId }) => entryId),
      [0n, 1n, 2n],
    );
  });

  test('what is not written by its deadline is taken back; the others keep their order', async () => {
    const { producer, append, reconnected } = rig();
    producer.connected = false;
    const first = append('first');
    await assert.rejects(append('late', 20), { code: 'deadline', message: /lane 3 of 't'.*nothing was written/ });
    const last = append('last');
    assert.deepEqual(producer.texts, []);
    producer.connected = true;
    reconnected();
    assert.deepEqual(producer.texts, ['first', 'last']);
    producer.answer(0);
    producer.answer(1);
    await Promise.all([first, last]);
  });

  test('what was written and not answered by its deadline has an unknown outcome', async () => {
    const { producer, append } = rig();
    await assert.rejects(append('written', 20), { code: 'outcome-unknown', retryable: false });
    assert.deepEqual(producer.texts, ['written']);
    producer.answer(0);
  });

  test('no time at all writes nothing', async () => {
    const { producer, append } = rig();
    await assert.rejects(append('none', 0), { code: 'deadline' });
    assert.deepEqual(producer.texts, []);
  });

  test('a producer that can’t be had for a moment is tried again', async () => {
    const { producer, append } = rig([new BusError('unreachable', 'down'), new BusError('unreachable', 'down')]);
    const appended = append('patient');
    while (producer.sent.length === 0) await new Promise(setImmediate);
    producer.answer(0);
    await appended;
  });

  test('a producer that is refused fails what waits for it, and the next append asks again', async () => {
    const { producer, append } = rig([new BusError('refused', 'no permission')]);
    await assert.rejects(append('refused'), { code: 'refused' });
    const appended = append('allowed');
    while (producer.sent.length === 0) await new Promise(setImmediate);
    producer.answer(0);
    await appended;
  });

  test('close waits for what is under way, held or written, and takes no more', async () => {
    const { producer, appender, append } = rig();
    const written = append('written');
    await new Promise(setImmediate);
    producer.connected = false;
    const held = assert.rejects(append('held', 50), { code: 'deadline' });
    const closing = appender.close();
    await assert.rejects(append('after'), { code: 'closed' });
    await held;
    assert.equal(producer.closed, false);
    producer.answer(0);
    await closing;
    await written;
    assert.equal(producer.closed, true);
  });
});
