// Commands have no checksum: what a producer makes of those that arrive as others, there or back.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isNoSparseId, SparseIds } from '../src/connection/sparse-ids.ts';
import type { MessageId } from '../src/message-id.ts';
import { serverError } from '../src/wire/index.ts';
import { newProducer, pulsarError, sendAll, startScripted } from './support/producers.ts';
import { ReadableTopic } from './support/readable-topic.ts';
import type { Heard, ScriptedBroker } from './support/scripted-broker.ts';

const timeout = 20_000;
const nowhere = { ledgerId: -1n, entryId: -1n };

/** Stores what is above all before; the rest is a duplicate. `arrives`: the sequence id that a SEND comes with, undefined: not at all. */
function deduplicate(
  broker: ScriptedBroker,
  arrives: (heard: Heard<'send'>) => number | undefined = ({ command }) => command.sequenceId,
): void {
  const topic = new ReadableTopic(broker);
  let highest = -1;
  broker.on('producer', ({ command: { requestId, producerName = 'made-up' }, peer }) =>
    peer.say({ type: 'producerSuccess', command: { requestId, producerName, lastSequenceId: highest } }),
  );
  broker.on('send', (heard) => {
    const { producerId } = heard.command;
    const sequenceId = arrives(heard);
    if (sequenceId === undefined) return;
    const messageId = sequenceId > highest ? topic.store(heard) : nowhere;
    highest = Math.max(highest, sequenceId);
    heard.peer.say({ type: 'sendReceipt', command: { producerId, sequenceId, messageId } });
  });
}

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
