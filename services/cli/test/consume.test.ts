import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { consume, type ConsumeOptions, type MessageConsumer } from '../src/consume.ts';
import { messageText, type ReceivedMessage } from '../src/message-text.ts';
import { Output } from '../src/terminal.ts';
import { FakeStop, fakeMessage, TextSink } from './fakes.ts';

/** Hands out what it was given; then waits until it is closed. */
class FakeConsumer implements MessageConsumer {
  readonly acknowledged: string[] = [];
  closed = 0;
  readonly #batches: ReceivedMessage[][];
  readonly #acknowledging: (() => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  constructor(batches: ReceivedMessage[][], acknowledging?: () => void) {
    this.#batches = batches;
    this.#acknowledging = acknowledging;
  }

  async receive(): Promise<ReceivedMessage> {
    const [message] = await this.batchReceive();
    if (message === undefined) throw new Error('the fake has no empty batches here');
    return message;
  }

  batchReceive(): Promise<ReceivedMessage[]> {
    const next = this.#batches.shift();
    if (next !== undefined) return Promise.resolve(next);
    return new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
  }

  acknowledge(message: ReceivedMessage): Promise<void> {
    this.#acknowledging?.();
    this.acknowledged.push(message.getData().toString());
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed++;
    this.#fail?.(new Error('closed'));
    return Promise.resolve();
  }
}

const ONE_BY_ONE: ConsumeOptions = { batch: false, json: false, terminal: false, onBatch: () => undefined };
const marker = fakeMessage('M', { properties: { 'pharos-marker': '1' } });

describe('consume', () => {
  test('prints one by one, acknowledges after printing, ends at the count', async () => {
    const sink = new TextSink();
    const printed: string[] = [];
    const consumer = new FakeConsumer([[fakeMessage('a')], [fakeMessage('')], [fakeMessage('c')]], () =>
      printed.push(sink.text),
    );
    assert.equal(await consume(consumer, new Output(sink), new FakeStop(), { ...ONE_BY_ONE, count: 2 }), 'count');
    assert.equal(sink.text, 'Received message: a\nReceived message: \n');
    assert.deepEqual(consumer.acknowledged, ['a', '']);
    assert.equal(printed[0], 'Received message: a\n');
    assert.equal(consumer.closed, 1);
  });

  test('skips markers but acknowledges them, and does not count them', async () => {
    const sink = new TextSink();
    const consumer = new FakeConsumer([[marker], [fakeMessage('a')]]);
    await consume(consumer, new Output(sink), new FakeStop(), { ...ONE_BY_ONE, count: 1 });
    assert.equal(sink.text, 'Received message: a\n');
    assert.deepEqual(consumer.acknowledged, ['M', 'a']);
  });

  test('in batches: sizes are told, and what lies past the count stays unacknowledged', async () => {
    const sink = new TextSink();
    const sizes: number[] = [];
    const batches = [[fakeMessage('a'), marker, fakeMessage('b')], [], [fakeMessage('c'), fakeMessage('d')]];
    const consumer = new FakeConsumer(batches);
    const options = { ...ONE_BY_ONE, batch: true, count: 3, onBatch: (size: number) => void sizes.push(size) };
    await consume(consumer, new Output(sink), new FakeStop(), options);
    assert.equal(sink.text, 'Received message: a\nReceived message: b\nReceived message: c\n');
    assert.deepEqual(sizes, [2, 1]);
    assert.deepEqual(consumer.acknowledged, ['a', 'M', 'b', 'c']);
  });

  test('a stop while it waits ends it with everything printed acknowledged', async () => {
    const sink = new TextSink();
    const stop = new FakeStop();
    const consumer = new FakeConsumer([[fakeMessage('a')]]);
    sink.onText = (): void => void setImmediate(() => stop.pull());
    assert.equal(await consume(consumer, new Output(sink), stop, ONE_BY_ONE), 'signal');
    assert.deepEqual(consumer.acknowledged, ['a']);
    assert.equal(stop.listeners, 0);
  });

  test('a stop in the middle of a message lets it be acknowledged first', async () => {
    const sink = new TextSink();
    const stop = new FakeStop();
    const consumer = new FakeConsumer([[fakeMessage('a')], [fakeMessage('b')]]);
    sink.onText = (): void => stop.pull();
    assert.equal(await consume(consumer, new Output(sink), stop, ONE_BY_ONE), 'signal');
    assert.equal(sink.text, 'Received message: a\n');
    assert.deepEqual(consumer.acknowledged, ['a']);
  });

  test('a reader that has gone ends it, and what it did not take is not acknowledged', async () => {
    const broken = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('broken pipe'), { code: 'EPIPE' })),
    });
    const consumer = new FakeConsumer([[fakeMessage('a')], [fakeMessage('b')]]);
    assert.equal(await consume(consumer, new Output(broken), new FakeStop(), ONE_BY_ONE), 'output-closed');
    assert.deepEqual(consumer.acknowledged, []);
    assert.equal(consumer.closed, 1);
  });

  test('a failure is passed on once the consumer is closed', async () => {
    const consumer = new FakeConsumer([[]]);
    await assert.rejects(consume(consumer, new Output(new TextSink()), new FakeStop(), ONE_BY_ONE), /no empty batches/);
    assert.equal(consumer.closed, 1);
  });
});

describe('a message as text', () => {
  const plain = { json: false, terminal: false };

  test('its bytes stay as they are, but not on a terminal', () => {
    const bytes = Buffer.from([0xff, 0x1b, 0x5b, 0x0a]);
    assert.deepEqual(
      messageText(fakeMessage(bytes), plain),
      Buffer.concat([Buffer.from('Received message: '), bytes, Buffer.from('\n')]),
    );
    const shown = messageText(fakeMessage('\u001b[2J\u009bx\ty\u0007'), { json: false, terminal: true });
    assert.equal(shown.toString(), 'Received message: \\x1b[2J\\x9bx\ty\\x07\n');
  });

  test('JSON has every field, base64 where the payload is not UTF-8, and stays on one line', () => {
    const json = { json: true, terminal: false };
    const text = messageText(fakeMessage('a\nb', { key: 'k', properties: { p: 'v' } }), json).toString();
    assert.equal(text.split('\n').length, 2);
    assert.deepEqual(JSON.parse(text), {
      topic: 'persistent://public/default/chat',
      key: 'k',
      data: 'a\nb',
      properties: { p: 'v' },
      publishTime: '2026-01-02T03:04:05.006Z',
      messageId: '(1,2,-1,0)',
      redeliveryCount: 3,
    });
    const binary = JSON.parse(messageText(fakeMessage(Buffer.from([0xff])), json).toString()) as Record<
      string,
      unknown
    >;
    assert.equal(binary['b64data'], '/w==');
    assert.equal(Object.hasOwn(binary, 'data') || Object.hasOwn(binary, 'key'), false);
  });
});
