// What a producer does when connections and receipts are lost: a broker that loses them on demand.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collector } from '@pharos/testkit';
import type { MessageId } from '../src/message-id.ts';
import { decodeEntry, serverError } from '../src/wire/index.ts';
import { newProducer, pulsarError, sendAll, startScripted } from './support/producers.ts';
import type { Heard } from './support/scripted-broker.ts';

const timeout = 20_000;

function textOf(heard: Heard): string {
  const entry = decodeEntry(heard.entry ?? Buffer.alloc(0));
  assert.ok(entry.checksumOk);
  return entry.payload.toString();
}

/** Answers as a broker that removes duplicates and has seen the message; `sequenceId`: as which it has read it. */
function duplicate({ command, peer }: Heard<'send'>, sequenceId = command.sequenceId): void {
  const { producerId } = command;
  peer.say({ type: 'sendReceipt', command: { producerId, sequenceId, messageId: { ledgerId: -1n, entryId: -1n } } });
}

function entryIds(ids: readonly unknown[]): bigint[] {
  return (ids as readonly MessageId[]).map((id) => id.entryId);
}

describe('producer over lost connections', { timeout }, () => {
  test('writes what has no receipt again: once, in order, byte for byte, ahead of what is new', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    broker.on('send', (heard) => {
      if (heard.command.sequenceId === 0) broker.receipt(heard);
    });
    const sent = sendAll(producer, 'a', 'b', 'c');
    await broker.hear('send', 3);
    broker.on('send', broker.receipt);
    broker.cutAll();
    const later = sendAll(producer, 'd');
    assert.deepEqual(entryIds(await Promise.all([...sent, ...later])), [0n, 1n, 2n, 3n]);
    const writes = broker.heard('send');
    assert.deepEqual(writes.map(textOf), ['a', 'b', 'c', 'b', 'c', 'd']);
    assert.deepEqual(writes[3]?.raw, writes[1]?.raw);
    assert.deepEqual(writes[4]?.raw, writes[2]?.raw);
  });

  test('holds what is sent while there is no connection, and tells of the connection', async (t) => {
    const { broker, client } = await startScripted(t);
    const changes = new Collector<boolean>();
    const producer = await newProducer(client, { connectionListener: changes.add });
    assert.equal(producer.isConnected(), true);
    await broker.goAway();
    await changes.waitUntil((seen) => seen.at(-1) === false, 'the loss');
    assert.equal(producer.isConnected(), false);
    const sent = sendAll(producer, 'a', 'b');
    await broker.listen();
    assert.deepEqual(entryIds(await Promise.all(sent)), [0n, 1n]);
    assert.deepEqual(changes.items, [true, false, true]);
    assert.deepEqual(broker.heard('send').map(textOf), ['a', 'b']);
  });

  test('registers again where the broker closes it: same name, higher epoch, nothing lost', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    broker.on('send', () => undefined);
    const sent = sendAll(producer, 'a');
    const { command, peer } = await broker.hear('send');
    broker.on('send', broker.receipt);
    peer.say({ type: 'closeProducer', command: { producerId: command.producerId, requestId: 0 } });
    assert.deepEqual(entryIds(await Promise.all(sent)), [0n]);
    const [first, second] = broker.heard('producer').map((heard) => heard.command);
    assert.equal(producer.getProducerName(), 'made-up');
    assert.deepEqual([first?.producerName, second?.producerName], [undefined, 'made-up']);
    assert.deepEqual([first?.epoch, second?.epoch], [0, 1]);
    assert.deepEqual([first?.userProvidedProducerName, second?.userProvidedProducerName], [false, false]);
  });

  test('goes on from the sequence id that the broker knows of its name', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('producer', ({ command: { requestId }, peer }) =>
      peer.say({ type: 'producerSuccess', command: { requestId, producerName: 'p', lastSequenceId: 41 } }),
    );
    await Promise.all(sendAll(await newProducer(client, { producerName: 'p' }), 'a', 'b'));
    await Promise.all(sendAll(await newProducer(client, { producerName: 'p', initialSequenceId: 6 }), 'c'));
    assert.deepEqual(
      broker.heard('send').map((heard) => heard.command.sequenceId),
      [42, 43, 7],
    );
    assert.equal(broker.heard('producer')[0]?.command.userProvidedProducerName, true);
  });
});

describe('producer that the broker refuses', { timeout }, () => {
  test('fails at creation where its name is taken, without trying again', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('producer', ({ command: { requestId }, peer }) =>
      peer.say({ type: 'error', command: { requestId, error: serverError.ProducerBusy, message: 'taken' } }),
    );
    await assert.rejects(newProducer(client, { producerName: 'p' }), pulsarError('ProducerBusy'));
    assert.equal(broker.heard('producer').length, 1);
  });

  test('tries again where its name is still taken by what it was before', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, { producerName: 'p' });
    broker.on('producer', (heard) => {
      const { requestId } = heard.command;
      if (broker.heard('producer').length >= 3) broker.welcome(heard);
      else heard.peer.say({ type: 'error', command: { requestId, error: serverError.ProducerBusy, message: 'taken' } });
    });
    broker.cutAll();
    await Promise.all(sendAll(producer, 'a'));
    assert.equal(broker.heard('producer').length, 4);
  });

  test('tries again at creation where the topic is only not ready', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('producer', (heard) => {
      const { requestId } = heard.command;
      const error = serverError.ServiceNotReady;
      if (broker.heard('producer').length >= 2) broker.welcome(heard);
      else heard.peer.say({ type: 'error', command: { requestId, error, message: 'moving' } });
    });
    await newProducer(client);
    assert.equal(broker.heard('producer').length, 3);
  });

  test('ends where the topic was terminated meanwhile; what was written may be there', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    broker.on('send', () => undefined);
    broker.on('producer', () => undefined);
    const [written] = sendAll(producer, 'a');
    await broker.hear('send');
    broker.cutAll();
    const { command, peer } = await broker.hear('producer', 2);
    const [unwritten] = sendAll(producer, 'b');
    const { requestId } = command;
    peer.say({ type: 'error', command: { requestId, error: serverError.TopicTerminatedError, message: 'over' } });
    await assert.rejects(written as Promise<unknown>, pulsarError('TopicTerminated', true));
    await assert.rejects(unwritten as Promise<unknown>, pulsarError('TopicTerminated', false));
    await assert.rejects(producer.send({ data: Buffer.from('c') }), pulsarError('TopicTerminated'));
  });

  test('ends where a message is answered with the end of the topic, and leaves the connection', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    broker.on('send', ({ command: { producerId, sequenceId }, peer }) => {
      const error = serverError.TopicTerminatedError;
      peer.say({ type: 'sendError', command: { producerId, sequenceId, error, message: 'over' } });
    });
    await assert.rejects(producer.send({ data: Buffer.from('a') }), pulsarError('TopicTerminated'));
    await broker.hear('closeProducer');
    assert.equal(producer.isConnected(), false);
  });
});

describe('producer and answers that make no sense or no progress', { timeout }, () => {
  test('ignores a receipt that it had already', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    broker.on('send', (heard) => {
      const { producerId } = heard.command;
      if (heard.command.sequenceId === 1)
        heard.peer.say({ type: 'sendReceipt', command: { producerId, sequenceId: 0 } });
      broker.receipt(heard);
    });
    assert.deepEqual(entryIds(await Promise.all(sendAll(producer, 'a', 'b'))), [0n, 1n]);
    assert.equal(broker.heard('producer').length, 1);
  });

  test('begins anew where a receipt was left out', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    broker.on('send', (heard) => {
      if (heard.command.sequenceId === 1) broker.receipt(heard);
    });
    const sent = sendAll(producer, 'a', 'b');
    await broker.hear('closeProducer');
    broker.on('send', broker.receipt);
    await Promise.all(sent);
    assert.deepEqual(broker.heard('send').map(textOf), ['a', 'b', 'a', 'b']);
  });

  test('writes again what arrived damaged, and gives it up where it always does', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    const damaged = ({ command: { producerId, sequenceId }, peer }: Heard<'send'>): void =>
      peer.say({
        type: 'sendError',
        command: { producerId, sequenceId, error: serverError.ChecksumError, message: 'damaged' },
      });
    broker.on('send', (heard) => (broker.heard('send').length === 0 ? damaged(heard) : broker.receipt(heard)));
    await Promise.all(sendAll(producer, 'a'));
    const [first, second] = broker.heard('send');
    assert.deepEqual(second?.raw, first?.raw);
    broker.on('send', damaged);
    await assert.rejects(producer.send({ data: Buffer.from('b') }), pulsarError('ChecksumError', false));
    broker.on('send', broker.receipt);
    await Promise.all(sendAll(producer, 'c'));
  });

  test('a damaged entry is not written again behind those that were stored after it', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    // A broker that removes duplicates: what comes under an older id than it has stored is answered and dropped.
    broker.on('send', (heard) => {
      const { producerId, sequenceId } = heard.command;
      if (sequenceId > 0) return broker.receipt(heard);
      heard.peer.say({
        type: 'sendError',
        command: { producerId, sequenceId, error: serverError.ChecksumError, message: 'damaged' },
      });
    });
    const [first, ...others] = sendAll(producer, 'a', 'b', 'c');
    await assert.rejects(first as Promise<unknown>, pulsarError('ChecksumError', false));
    await Promise.all(others);
    assert.deepEqual(broker.heard('send').map(textOf), ['a', 'b', 'c']);
  });

  test('a broker that has misread a sequence id drops what is older: that is no success, and new ids are newer', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    broker.on('send', ({ command: { producerId, sequenceId }, peer }) => {
      if (sequenceId > 1000)
        return peer.say({
          type: 'sendReceipt',
          command: { producerId, sequenceId, messageId: { ledgerId: 7n, entryId: 9n } },
        });
      // The first is stored under the wrong id, and what follows is taken for older.
      const known = broker.heard('producer').length > 1;
      const id = known ? sequenceId : 1000;
      const messageId = { ledgerId: -1n, entryId: -1n };
      return peer.say({ type: 'sendReceipt', command: { producerId, sequenceId: id, messageId } });
    });
    broker.on('producer', ({ command: { requestId }, peer }) => {
      const command = { requestId, producerName: 'mine', lastSequenceId: 1000 };
      peer.say({ type: 'producerSuccess', command });
    });
    for (const lost of sendAll(producer, 'a', 'b')) await assert.rejects(lost, pulsarError('ChecksumError', true));
    assert.deepEqual(entryIds(await Promise.all(sendAll(producer, 'c'))), [9n]);
    assert.equal(broker.heard('send').at(-1)?.command.sequenceId, 1001);
  });

  test('a broker that calls a duplicate what was never written before has misread an id: that is no success', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    broker.on('send', duplicate);
    await assert.rejects(producer.send({ data: Buffer.from('a') }), pulsarError('ChecksumError', true));
    const chosen = await newProducer(client, { initialSequenceId: 6 });
    assert.deepEqual(entryIds(await Promise.all(sendAll(chosen, 'b'))), [-1n]);
    assert.equal((await producer.send({ data: Buffer.from('c'), sequenceId: 3 })).entryId, -1n);
  });

  test('… though it was on an earlier connection, where the broker had seen nothing of it', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    await Promise.all(sendAll(producer, 'stored'));
    broker.on('send', () => undefined);
    const [lost] = sendAll(producer, 'a');
    await broker.hear('send', 2);
    broker.on('producer', ({ command: { requestId }, peer }) =>
      peer.say({ type: 'producerSuccess', command: { requestId, producerName: 'made-up', lastSequenceId: 0 } }),
    );
    broker.on('send', duplicate);
    broker.cutAll();
    await assert.rejects(lost as Promise<unknown>, pulsarError('ChecksumError', true));
  });

  test('a broker that has misread an id as an older one has dropped the oldest: written again, it is no duplicate', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    await Promise.all(sendAll(producer, 'stored'));
    broker.on('send', (heard) => {
      if (broker.heard('producer').length > 1) duplicate(heard);
      else if (heard.command.sequenceId === 1) duplicate(heard, 0);
      else broker.receipt(heard);
    });
    const [dropped, stored] = sendAll(producer, 'a', 'b');
    await assert.rejects(dropped as Promise<unknown>, pulsarError('ChecksumError', true));
    assert.deepEqual(entryIds([await stored]), [-1n]);
  });

  test('a message whose receipt does not come, though that of a later one does, is there where the broker calls it a duplicate', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    // Seen of a broker that unloads the topic: it has stored both, and keeps the first receipt back.
    broker.on('send', (heard) => {
      const { producerId, sequenceId } = heard.command;
      if (sequenceId > 0) return broker.receipt(heard);
      if (broker.heard('producer').length < 2) return;
      const messageId = { ledgerId: -1n, entryId: -1n };
      heard.peer.say({ type: 'sendReceipt', command: { producerId, sequenceId, messageId } });
    });
    const sent = await Promise.all(sendAll(producer, 'a', 'b'));
    assert.equal(entryIds(sent)[0], -1n);
  });

  test('a message that was on an earlier connection is there where the broker calls it a duplicate, though a later one overtook it', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    broker.on('send', (heard) => {
      const { producerId, sequenceId } = heard.command;
      const attempt = broker.heard('producer').length;
      // It is being stored still when it comes for the second time.
      if (attempt === 1 || (attempt === 2 && sequenceId === 0)) return;
      const messageId = { ledgerId: -1n, entryId: -1n };
      if (attempt === 2) broker.receipt(heard);
      else heard.peer.say({ type: 'sendReceipt', command: { producerId, sequenceId, messageId } });
    });
    const sent = sendAll(producer, 'a', 'b');
    await broker.hear('send', 2);
    broker.cutAll();
    assert.deepEqual(entryIds(await Promise.all(sent)), [-1n, -1n]);
  });

  test('a damaged entry is told of ahead of the receipts before it: it is lost to nobody, and no receipt is taken for it', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    // A broker looks at checksums as entries arrive, and stores them later; one that removes duplicates drops what comes
    // under an older id than it has stored, with a receipt.
    const nowhere = { ledgerId: -1n, entryId: -1n };
    broker.on('send', (heard) => {
      const { producerId, sequenceId } = heard.command;
      const again = broker.heard('send').some(({ command }) => command.sequenceId === sequenceId);
      const { peer } = heard;
      if (again) peer.say({ type: 'sendReceipt', command: { producerId, sequenceId, messageId: nowhere } });
      else if (sequenceId === 1)
        peer.say({
          type: 'sendError',
          command: { producerId, sequenceId, error: serverError.ChecksumError, message: 'damaged' },
        });
      else if (sequenceId === 2)
        for (const stored of [broker.heard('send')[0] as Heard<'send'>, heard]) broker.receipt(stored);
    });
    const [first, damaged, last] = sendAll(producer, 'a', 'b', 'c') as [
      Promise<unknown>,
      Promise<unknown>,
      Promise<unknown>,
    ];
    await assert.rejects(damaged, pulsarError('ChecksumError', false));
    assert.deepEqual(entryIds(await Promise.all([first, last])), [0n, 1n]);
    assert.deepEqual(broker.heard('send').map(textOf), ['a', 'b', 'c']);
  });

  test('an entry that is refused ahead of the receipt before it is told of, and the others go on', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    broker.on('send', (heard) => {
      const { producerId, sequenceId } = heard.command;
      if (sequenceId !== 1) return;
      const error = serverError.NotAllowedError;
      heard.peer.say({ type: 'sendError', command: { producerId, sequenceId, error, message: 'no' } });
      broker.receipt(broker.heard('send')[0] as Heard<'send'>);
    });
    const [first, refused] = sendAll(producer, 'a', 'b') as [Promise<unknown>, Promise<unknown>];
    await assert.rejects(refused, pulsarError('NotAllowedError', false));
    assert.deepEqual(entryIds([await first]), [0n]);
    assert.equal(broker.heard('producer').length, 1);
  });

  test('backs off from a broker that can not store anything', async (t) => {
    const { broker, client } = await startScripted(t, {}, { initialBackoffMs: 100, maxBackoffMs: 200 });
    const producer = await newProducer(client, { sendTimeoutMs: 500 });
    broker.on('send', ({ command: { producerId, sequenceId }, peer }) => {
      const error = serverError.PersistenceError;
      peer.say({ type: 'sendError', command: { producerId, sequenceId, error, message: 'no bookies' } });
    });
    await assert.rejects(producer.send({ data: Buffer.from('a') }), pulsarError('Timeout', true));
    const tries = broker.heard('producer').length;
    assert.ok(tries >= 2 && tries <= 10, `registered ${tries} times in half a second`);
  });
});
