import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { type LineProducer, LineSender, MAX_PENDING_MESSAGES } from '../src/produce.ts';
import { FakeStop } from './fakes.ts';

/** Keeps each message until the test settles it. */
class HeldProducer implements LineProducer {
  readonly held: { data: Buffer; partitionKey?: string; resolve: () => void; reject: (error: Error) => void }[] = [];
  /** Called at each message. */
  onSend: () => void = () => undefined;

  send(message: { data: Buffer; partitionKey?: string }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.held.push({ ...message, resolve, reject });
      this.onSend();
    });
  }

  get texts(): string[] {
    return this.held.map(({ data }) => data.toString());
  }

  /** Resolves once `count` messages have come. */
  reached(count: number): Promise<void> {
    if (this.held.length >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.onSend = (): void => {
        if (this.held.length >= count) resolve();
      };
    });
  }
}

const acknowledging = (sent: string[]): LineProducer => ({
  send: ({ data, partitionKey }) => {
    sent.push(`${partitionKey ?? ''}${data.toString()}`);
    return Promise.resolve();
  },
});

describe('produce', () => {
  test('each line is one message with the key, in order, all acknowledged', async () => {
    const sent: string[] = [];
    const stop = new FakeStop();
    const sender = new LineSender(acknowledging(sent), stop, { key: 'k:' });
    await sender.sendAll(Readable.from([Buffer.from('a\n\nb\r'), Buffer.from('\nc')]));
    assert.deepEqual(sent, ['k:a', 'k:', 'k:b', 'k:c']);
    assert.deepEqual([sender.sent, sender.acknowledged, stop.listeners], [4, 4, 0]);
  });

  test('no more is in flight than the window holds, and input is not read ahead of it', async () => {
    const producer = new HeldProducer();
    const sender = new LineSender(producer, new FakeStop());
    const line = Buffer.from('x\n');
    let chunks = 0;
    const total = MAX_PENDING_MESSAGES + 200;
    const input = Readable.from(
      (function* (): Generator<Buffer> {
        for (; chunks < total; chunks++) yield line;
      })(),
      { highWaterMark: 1, objectMode: true },
    );
    const done = sender.sendAll(input);
    await producer.reached(MAX_PENDING_MESSAGES);
    await new Promise(setImmediate);
    assert.equal(sender.sent, MAX_PENDING_MESSAGES);
    assert.ok(chunks <= MAX_PENDING_MESSAGES + 3, `${chunks} lines were read`);
    assert.equal(sender.acknowledged, 0);
    const next = producer.reached(MAX_PENDING_MESSAGES + 1);
    producer.held[0]?.resolve();
    await next;
    assert.equal(sender.sent, MAX_PENDING_MESSAGES + 1);
    producer.onSend = (): void => producer.held.at(-1)?.resolve();
    for (const { resolve } of producer.held) resolve();
    await done;
    assert.equal(sender.acknowledged, total);
  });

  test('the first line that fails ends the run and is named; what was in flight is waited for', async () => {
    const producer = new HeldProducer();
    const sender = new LineSender(producer, new FakeStop());
    const input = new PassThrough();
    const done = sender.sendAll(input);
    input.write('a\nb\nc\n');
    await producer.reached(3);
    const failure = Object.assign(new Error('timed out'), { outcomeUnknown: true });
    producer.held[1]?.reject(failure);
    input.write('d\n');
    producer.held[2]?.resolve();
    producer.held[0]?.resolve();
    await assert.rejects(done, {
      code: 'not-acknowledged',
      message: 'line 2 was not acknowledged (it may have arrived nevertheless): timed out',
      cause: failure,
    });
    assert.deepEqual([sender.sent, sender.acknowledged, input.destroyed], [3, 2, true]);
  });

  test('a stop ends the reading; lines that were sent are waited for, half a line is not sent', async () => {
    const producer = new HeldProducer();
    const stop = new FakeStop();
    const sender = new LineSender(producer, stop);
    const input = new PassThrough();
    const done = sender.sendAll(input);
    input.write('a\nb\nhalf');
    await producer.reached(2);
    stop.pull();
    for (const { resolve } of producer.held) resolve();
    await done;
    assert.deepEqual(producer.texts, ['a', 'b']);
    assert.deepEqual([sender.sent, sender.acknowledged], [2, 2]);
  });

  test('a stop ends the wait for room and for the pace', async () => {
    const producer = new HeldProducer();
    const stop = new FakeStop();
    const full = new LineSender(producer, stop).sendAll(
      Readable.from([Buffer.from('x\n'.repeat(MAX_PENDING_MESSAGES + 5))]),
    );
    const sent: string[] = [];
    const paced = new LineSender(acknowledging(sent), stop, { ratePerSecond: 0.001 }).sendAll(
      Readable.from([Buffer.from('a\nb\n')]),
    );
    await producer.reached(MAX_PENDING_MESSAGES);
    stop.pull();
    for (const { resolve } of producer.held) resolve();
    await Promise.all([full, paced]);
    assert.equal(producer.held.length, MAX_PENDING_MESSAGES);
    assert.deepEqual(sent, ['a']);
  });

  test('a line that is too long ends the run after the lines before it', async () => {
    const sent: string[] = [];
    const sender = new LineSender(acknowledging(sent), new FakeStop());
    const input = Readable.from([Buffer.from('a\n'), Buffer.alloc(6 * 1024 * 1024)]);
    await assert.rejects(sender.sendAll(input), {
      code: 'line-too-long',
      message: /^line 2 is longer than 5242880 bytes/,
    });
    assert.deepEqual(sent, ['a']);
  });
});
