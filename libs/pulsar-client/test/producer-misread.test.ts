// Commands have no checksum: what a producer makes of those that arrive as others, there or back.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { isNoSparseId, SparseIds } from '../src/connection/sparse-ids.ts';
import type { MessageId } from '../src/message-id.ts';
import type { Producer } from '../src/producer/producer.ts';
import type { ProducerConfig } from '../src/producer/producer-config.ts';
import { serverError } from '../src/wire/index.ts';
import { newProducer, pulsarError, sendAll, startScripted } from './support/producers.ts';
import { ReadableTopic } from './support/readable-topic.ts';
import type { Heard, ScriptedBroker } from './support/scripted-broker.ts';

const timeout = 20_000;
const nowhere = { ledgerId: -1n, entryId: -1n };

/**
 * Stores what is above all before; the rest is a duplicate. `arrives`: the sequence id that a SEND comes with, undefined: not at all;
 * `place`: what its receipt says of where it is, undefined: there is no receipt.
 */
function deduplicate(
  broker: ScriptedBroker,
  arrives: (heard: Heard<'send'>) => number | undefined = ({ command }) => command.sequenceId,
  place: (stored: Place, sequenceId: number) => Place | undefined = (stored) => stored,
): ReadableTopic {
  const topic = new ReadableTopic(broker);
  let highest = -1;
  broker.on('producer', ({ command: { requestId, producerName = 'made-up' }, peer }) =>
    peer.say({ type: 'producerSuccess', command: { requestId, producerName, lastSequenceId: highest } }),
  );
  broker.on('send', (heard) => {
    const { producerId } = heard.command;
    const sequenceId = arrives(heard);
    if (sequenceId === undefined) return;
    const messageId = place(sequenceId > highest ? topic.store(heard) : nowhere, sequenceId);
    highest = Math.max(highest, sequenceId);
    if (messageId === undefined) return;
    heard.peer.say({ type: 'sendReceipt', command: { producerId, sequenceId, messageId } });
  });
  return topic;
}

type Place = ReturnType<ReadableTopic['store']>;

const isFirst = (broker: ScriptedBroker): boolean => broker.heard('producer').length === 1;

async function places(sent: readonly Promise<unknown>[]): Promise<bigint[]> {
  return ((await Promise.all(sent)) as MessageId[]).map(({ entryId }) => entryId);
}

describe('a producer whose commands arrive as others', { timeout }, () => {
  test('no two ids differ by one bit, and what differs from one by a bit is none', () => {
    const ids = new SparseIds();
    const given = new Set(Array.from({ length: 300 }, () => ids.next()));
    assert.equal(given.size, 300);
    for (const id of [...given, 2 ** 40 + 2 ** 3]) {
      assert.equal(isNoSparseId(id), false, String(id));
      for (let bit = 0; bit < 45; bit++) {
        const other = Math.floor(id / 2 ** bit) % 2 === 1 ? id - 2 ** bit : id + 2 ** bit;
        assert.ok(other === 0 || isNoSparseId(other), `${id} and ${other}`);
      }
    }
    assert.equal(isNoSparseId(-1), false);
  });

  test('a message that was dropped, while later ones were stored, is no duplicate: the topic tells', async (t) => {
    const { broker, client } = await startScripted(t);
    deduplicate(broker, ({ command: { sequenceId } }) =>
      sequenceId === 1 && isFirst(broker) ? undefined : sequenceId,
    );
    const producer = await newProducer(client);
    const [first, dropped, ...others] = sendAll(producer, 'a', 'b', 'c', 'd') as [Promise<unknown>, Promise<unknown>];
    await assert.rejects(dropped, pulsarError('ChecksumError', true));
    assert.deepEqual(await places([first, ...others]), [0n, 1n, 2n]);
  });

  test('a message that was stored under the id of a later one: those between are not called stored', async (t) => {
    const { broker, client } = await startScripted(t);
    deduplicate(broker, ({ command: { sequenceId } }) => (sequenceId === 1 && isFirst(broker) ? 3 : sequenceId));
    const producer = await newProducer(client);
    const [a, b, c, d, e] = sendAll(producer, 'a', 'b', 'c', 'd', 'e') as [
      Promise<unknown>,
      Promise<unknown>,
      Promise<unknown>,
      Promise<unknown>,
      Promise<unknown>,
    ];
    for (const lost of [c, d]) await assert.rejects(lost, pulsarError('ChecksumError', true));
    assert.deepEqual(await places([a, b, e]), [0n, 1n, 2n]);
  });

  test('a message that was dropped on a connection that is lost then, is no duplicate either', async (t) => {
    const { broker, client } = await startScripted(t);
    deduplicate(broker, ({ command: { sequenceId } }) =>
      sequenceId === 1 && isFirst(broker) ? undefined : sequenceId,
    );
    const producer = await newProducer(client);
    const [, dropped, stored] = sendAll(producer, 'a', 'b', 'c') as [
      Promise<unknown>,
      Promise<unknown>,
      Promise<unknown>,
    ];
    await broker.hear('send', 3);
    broker.cutAll();
    await assert.rejects(dropped, pulsarError('ChecksumError', true));
    assert.deepEqual(await places([stored]), [1n]);
  });

  test('… nor where the topic could not be read at once: the name that was asked for may have arrived as another', async (t) => {
    const { broker, client } = await startScripted(t);
    deduplicate(broker, ({ command: { sequenceId } }) =>
      sequenceId === 1 && isFirst(broker) ? undefined : sequenceId,
    );
    broker.on('subscribe', ({ command: { requestId }, peer }) => {
      const error = serverError.InvalidTopicName;
      if (broker.heard('subscribe').length === 0)
        return peer.say({ type: 'error', command: { requestId, error, message: 'no' } });
      return peer.say({ type: 'success', command: { requestId } });
    });
    const producer = await newProducer(client);
    const [, dropped] = sendAll(producer, 'a', 'b', 'c') as [Promise<unknown>, Promise<unknown>];
    await assert.rejects(dropped, pulsarError('ChecksumError', true));
  });

  /** A topic that has stored `b` and said so on the next connection only, where it is a duplicate; `a` is acknowledged. */
  async function startUntold(
    t: TestContext,
    config: Partial<ProducerConfig> = {},
  ): Promise<{ broker: ScriptedBroker; topic: ReadableTopic; producer: Producer }> {
    const { broker, client } = await startScripted(t);
    const arrives = ({ command: { sequenceId } }: Heard<'send'>): number | undefined =>
      sequenceId > 1 && isFirst(broker) ? undefined : sequenceId;
    const topic = deduplicate(broker, arrives, (stored, id) => (id === 1 && isFirst(broker) ? undefined : stored));
    const producer = await newProducer(client, config);
    await Promise.all(sendAll(producer, 'a'));
    return { broker, topic, producer };
  }

  test('what a topic has deleted by then was stored, as far as anybody can tell', async (t) => {
    const { broker, topic, producer } = await startUntold(t);
    const sent = sendAll(producer, 'b', 'c');
    await broker.hear('send', 3);
    topic.trim();
    broker.cutAll();
    assert.deepEqual(await places(sent), [-1n, 2n]);
    // Another topic may have answered the first times.
    assert.equal(broker.heard('subscribe').length, 3);
  });

  test('the place in the last receipt may be another: what was acknowledged before it is gone by too', async (t) => {
    const { broker, client } = await startScripted(t);
    deduplicate(broker, undefined, (stored, id) => {
      if (id === 1) return { ...stored, entryId: stored.entryId ^ 32n };
      return id === 2 && isFirst(broker) ? undefined : stored;
    });
    const producer = await newProducer(client);
    const sent = sendAll(producer, 'a', 'b', 'c');
    await broker.hear('send', 3);
    await sent[1];
    broker.cutAll();
    assert.deepEqual(await places(sent), [0n, 33n, 2n]);
  });

  test('of what was acknowledged long ago it does not begin to read, but by time', async (t) => {
    const { broker, producer } = await startUntold(t);
    const now = performance.now.bind(performance);
    t.mock.method(performance, 'now', () => now() + 120_000);
    const sent = sendAll(producer, 'b');
    await broker.hear('send', 2);
    broker.cutAll();
    assert.deepEqual(await places(sent), [1n]);
    const { startMessageId, startMessageRollbackDurationSec = 0 } = (await broker.hear('subscribe')).command;
    assert.ok(startMessageRollbackDurationSec >= 60, JSON.stringify(startMessageRollbackDurationSec));
    assert.equal(startMessageId?.entryId, -1n);
  });

  test('where it begins anew while the topic is read, what was found stays found', async (t) => {
    const { broker, client } = await startScripted(t);
    const topic = deduplicate(broker, ({ command: { sequenceId } }) =>
      sequenceId === 1 && isFirst(broker) ? undefined : sequenceId,
    );
    const producer = await newProducer(client);
    broker.on('getLastMessageId', (heard) => {
      // The entries are there by now. All is written again, and it is these receipts that are held when the topic's end is told.
      const { producerId } = (broker.heard('producer')[0] as Heard<'producer'>).command;
      const error = serverError.UnknownError;
      heard.peer.say({ type: 'sendError', command: { producerId, sequenceId: 99, error, message: 'which?' } });
      broker.hear('send', 7).then(() => topic.sayLast(heard), assert.ifError);
    });
    const [, dropped, stored] = sendAll(producer, 'a', 'b', 'c') as [
      Promise<unknown>,
      Promise<unknown>,
      Promise<unknown>,
    ];
    await assert.rejects(dropped, pulsarError('ChecksumError', true));
    assert.deepEqual(await places([stored]), [1n]);
    assert.equal(broker.heard('subscribe').length, 1);
  });

  test('a topic that ends the subscription before its end has not been read', async (t) => {
    const { broker, topic, producer } = await startUntold(t);
    broker.on('flow', (heard) => {
      if (broker.heard('flow').length > 0) return topic.send(heard);
      topic.send(heard, 1);
      const { consumerId } = heard.command;
      heard.peer.say({ type: 'closeConsumer', command: { consumerId, requestId: 0 } });
    });
    broker.on('subscribe', ({ command: { requestId }, peer }) => {
      const refused = [1, 2].includes(broker.heard('subscribe').length);
      const error = serverError.InvalidTopicName;
      peer.say(
        refused
          ? { type: 'error', command: { requestId, error, message: 'no' } }
          : { type: 'success', command: { requestId } },
      );
    });
    const sent = sendAll(producer, 'b');
    await broker.hear('send', 2);
    broker.cutAll();
    assert.deepEqual(await places(sent), [1n]);
    assert.equal(broker.heard('subscribe').length, 4);
  });

  test('a producer that ends while the topic is read stops reading', async (t) => {
    const { broker, producer } = await startUntold(t);
    const sent = sendAll(producer, 'b') as [Promise<unknown>];
    const { command } = await broker.hear('send', 2);
    broker.on('getLastMessageId', ({ peer }) => {
      const error = serverError.TopicTerminatedError;
      peer.say({ type: 'sendError', command: { ...command, error, message: 'over' } });
    });
    broker.cutAll();
    await assert.rejects(sent[0], pulsarError('TopicTerminated', true));
    await broker.hear('closeConsumer');
  });

  test('a topic that is not persistent is not read', async (t) => {
    const { broker, client } = await startScripted(t);
    deduplicate(broker, undefined, () => nowhere);
    const producer = await newProducer(client, { topic: 'non-persistent://public/default/chat' });
    const [dropped] = sendAll(producer, 'a') as [Promise<unknown>];
    await assert.rejects(dropped, pulsarError('ChecksumError', true));
    assert.equal(broker.heard('subscribe').length, 0);
  });

  test('a refusal of what was never sent has something else be written again', async (t) => {
    const { broker, client } = await startScripted(t);
    deduplicate(broker, ({ command: { producerId, sequenceId }, peer }) => {
      if (!isFirst(broker)) return sequenceId;
      const error = serverError.UnknownError;
      peer.say({ type: 'sendError', command: { producerId, sequenceId: sequenceId + 64, error, message: 'which?' } });
      return undefined;
    });
    const producer = await newProducer(client);
    assert.deepEqual(await places(sendAll(producer, 'a')), [0n]);
  });

  for (const [what, answer] of [
    ['of a producer that nobody is', (id: number) => ({ producerId: id ^ 4 })],
    ['with half of a place', () => ({ messageId: { ledgerId: -1n, entryId: 5n } })],
    ['without a place', () => ({ messageId: undefined })],
  ] as const) {
    test(`a receipt ${what} is none`, async (t) => {
      const { broker, client } = await startScripted(t);
      deduplicate(broker);
      const usual = broker.heard('send').length;
      const producer = await newProducer(client);
      const topic = new ReadableTopic(broker);
      broker.on('send', (heard) => {
        const { producerId, sequenceId } = heard.command;
        const again = broker.heard('send').length > usual;
        const messageId = again ? nowhere : topic.store(heard);
        const changed = again ? {} : answer(producerId);
        heard.peer.say({ type: 'sendReceipt', command: { producerId, sequenceId, messageId, ...changed } });
      });
      assert.deepEqual(await places(sendAll(producer, 'a')), [0n]);
    });
  }

  test('an answer to what nobody asked has the connection be made anew', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    const { welcome } = broker;
    broker.on('producer', (heard) => {
      if (broker.heard('producer').length > 1) return welcome(heard);
      const { requestId } = heard.command;
      welcome({ ...heard, command: { ...heard.command, requestId: requestId ^ 64 } });
    });
    broker.cutAll();
    await Promise.all(sendAll(producer, 'a'));
    assert.equal(broker.heard('connect').length, 3);
  });

  test('a broker that calls it by another name is asked once more, before anything is written', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    const { welcome } = broker;
    broker.on('producer', (heard) => {
      if (broker.heard('producer').length > 1) return welcome(heard);
      const { requestId } = heard.command;
      heard.peer.say({ type: 'producerSuccess', command: { requestId, producerName: 'made-uq', lastSequenceId: -1 } });
    });
    broker.cutAll();
    await Promise.all(sendAll(producer, 'a'));
    assert.equal(producer.getProducerName(), 'made-up');
    assert.equal(broker.heard('producer').length, 3);
  });

  test('a broker that has seen less of it than it acknowledged is asked once more: it may be another topic', async (t) => {
    const { broker, client } = await startScripted(t);
    deduplicate(broker);
    const producer = await newProducer(client);
    await Promise.all(sendAll(producer, 'a'));
    const say = ({ command: { requestId }, peer }: Heard<'producer'>, lastSequenceId: number): void =>
      peer.say({ type: 'producerSuccess', command: { requestId, producerName: 'made-up', lastSequenceId } });
    broker.on('producer', (heard) => say(heard, broker.heard('producer').length > 1 ? 0 : -1));
    broker.cutAll();
    await Promise.all(sendAll(producer, 'b'));
    assert.equal(broker.heard('producer').length, 3);
    // A topic that was deleted says it again, and is believed.
    broker.on('producer', (heard) => say(heard, -1));
    broker.cutAll();
    await Promise.all(sendAll(producer, 'c'));
    assert.equal(broker.heard('producer').length, 5);
  });

  test('a topic that can not be one, though it was, is asked for once more', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    const { welcome } = broker;
    broker.on('producer', (heard) => {
      if (broker.heard('producer').length > 1) return welcome(heard);
      const { requestId } = heard.command;
      heard.peer.say({ type: 'error', command: { requestId, error: serverError.InvalidTopicName, message: 'no' } });
    });
    broker.cutAll();
    await Promise.all(sendAll(producer, 'a'));
  });
});
