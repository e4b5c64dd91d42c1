// The ways to receive: one, many, by a listener; and how waiting ends.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collector } from '@pharos/testkit';
import type { Message } from '../src/consumer/message.ts';
import { Bench, take, takeTexts, textOf, texts } from './support/consuming.ts';
import { pulsarError } from './support/producers.ts';

const timeout = 120_000;
/** A time that no test waits for. */
const never = 3_600_000;

describe('receiving', { timeout }, () => {
  test('a receive waits for its message, several in the order in which they were called', async (t) => {
    const bench = await Bench.open(t);
    const consumer = await bench.subscribe();
    const waiting = [consumer.receive(), consumer.receive(never), consumer.receive()];
    await bench.publish(...texts(3));
    assert.deepEqual((await Promise.all(waiting)).map(textOf), texts(3));
  });

  test('a receive that waits in vain ends in time, and takes no message from the next', async (t) => {
    const bench = await Bench.open(t);
    const consumer = await bench.subscribe();
    await assert.rejects(consumer.receive(20), pulsarError('Timeout'));
    await bench.publish('a');
    assert.deepEqual(await takeTexts(consumer, 1), ['a']);
    await assert.rejects(consumer.receive(0), pulsarError('Timeout'));
  });

  test('a wait longer than a timer can be is a long one, not none', async (t) => {
    const bench = await Bench.open(t);
    const consumer = await bench.subscribe();
    const waiting = consumer.receive(2 ** 40);
    await bench.publish('a');
    assert.equal(textOf(await waiting), 'a');
  });

  test('a wait that is no number of milliseconds is refused', async (t) => {
    const bench = await Bench.open(t);
    const consumer = await bench.subscribe();
    for (const wrong of [-1, Number.NaN]) {
      await assert.rejects(consumer.receive(wrong), pulsarError('InvalidConfiguration'));
    }
  });

  test('close ends all that wait, and all that comes after', async (t) => {
    const bench = await Bench.open(t);
    const consumer = await bench.subscribe();
    const waiting = [consumer.receive(), consumer.batchReceive()];
    const refused = waiting.map((promise) => assert.rejects(promise, pulsarError('AlreadyClosed')));
    assert.equal(await consumer.close(), null);
    await Promise.all(refused);
    await assert.rejects(consumer.receive(), pulsarError('AlreadyClosed'));
    await assert.rejects(consumer.batchReceive(), pulsarError('AlreadyClosed'));
    await assert.rejects(consumer.seekTimestamp(0), pulsarError('AlreadyClosed'));
    await assert.rejects(consumer.unsubscribe(), pulsarError('AlreadyClosed'));
    assert.equal(await consumer.close(), null);
  });

  test('the client closes its consumers with it', async (t) => {
    const bench = await Bench.open(t);
    const consumer = await bench.subscribe();
    const refused = assert.rejects(consumer.receive(), pulsarError('AlreadyClosed'));
    await bench.client.close();
    await refused;
  });

  test('a batch ends with its number of messages, and the next goes on', async (t) => {
    const bench = await Bench.open(t);
    await bench.publishBatch(...texts(10));
    const consumer = await bench.subscribe({ batchReceivePolicy: { maxNumMessages: 4, timeoutMs: never } });
    assert.deepEqual((await consumer.batchReceive()).map(textOf), texts(10).slice(0, 4));
    assert.deepEqual((await consumer.batchReceive()).map(textOf), texts(10).slice(4, 8));
    assert.deepEqual(await takeTexts(consumer, 1), ['m8']);
  });

  test('a batch never has more bytes than it may, but for one message that is larger', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish('aaaa', 'bbbb', 'cccc', 'a message that is larger', 'd', 'e');
    const policy = { maxNumMessages: -1, maxNumBytes: 10, timeoutMs: never };
    const consumer = await bench.subscribe({ batchReceivePolicy: policy });
    const next = async (): Promise<string[]> => (await consumer.batchReceive()).map(textOf);
    assert.deepEqual(await next(), ['aaaa', 'bbbb']);
    assert.deepEqual(await next(), ['cccc']);
    assert.deepEqual(await next(), ['a message that is larger']);
  });

  test('a batch ends when its time is up: with what has come, or with nothing', async (t) => {
    const bench = await Bench.open(t);
    const consumer = await bench.subscribe({ batchReceivePolicy: { maxNumMessages: 100, timeoutMs: 30 } });
    assert.deepEqual(await consumer.batchReceive(), []);
    await bench.publishBatch('a', 'b');
    const received: string[] = [];
    while (received.length < 2) received.push(...(await consumer.batchReceive()).map(textOf));
    assert.deepEqual(received, ['a', 'b']);
  });

  test('what a batch has gathered when all is delivered again comes once in it', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish(...texts(3));
    const consumer = await bench.subscribe({
      batchReceivePolicy: { maxNumMessages: 4, timeoutMs: never },
      nAckRedeliverTimeoutMs: 50,
    });
    const [first] = (await take(consumer, 1)) as [Message];
    const batch = consumer.batchReceive();
    consumer.negativeAcknowledge(first);
    // The batch holds what follows m0, and is not full before all has come again from m0 on.
    await bench.publish('m3');
    assert.deepEqual((await batch).map(textOf), texts(4));
  });

  test('a listener gets each message in order, and receive is refused', async (t) => {
    const bench = await Bench.open(t);
    const got = new Collector<string>();
    const consumer = await bench.subscribe({
      listener: (message, from) => {
        got.add(textOf(message));
        from.acknowledge(message).catch(assert.ifError);
      },
    });
    await assert.rejects(consumer.receive(), pulsarError('InvalidConfiguration'));
    await assert.rejects(consumer.batchReceive(), pulsarError('InvalidConfiguration'));
    await bench.publishBatch(...texts(600));
    assert.deepEqual(await got.waitForCount(600), texts(600));
    await bench.untilBacklogIs(0);
  });

  test('a listener that throws, or whose promise is rejected, gets the next message all the same', async (t) => {
    const logged = new Collector<object>();
    const quiet = (): void => undefined;
    const logger = { debug: quiet, info: quiet, warn: quiet, error: logged.add };
    const bench = await Bench.open(t, { logger });
    const got = new Collector<string>();
    const listener = (message: Message): unknown => {
      got.add(textOf(message));
      if (textOf(message) === 'm0') throw new Error('thrown');
      return textOf(message) === 'm1' ? Promise.reject(new Error('rejected')) : undefined;
    };
    await bench.subscribe({ listener });
    await bench.publish(...texts(3));
    assert.deepEqual(await got.waitForCount(3), texts(3));
    assert.equal(logged.items.length, 2);
  });
});
