// What becomes of batches that the broker doesn't take: it names them by their last sequence id, and those that it stores by their first.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MessageId } from '../src/message-id.ts';
import { serverError } from '../src/wire/index.ts';
import { newProducer, pulsarError, sendAll, startScripted } from './support/producers.ts';

const timeout = 20_000;

async function entryIds(sent: readonly Promise<unknown>[]): Promise<bigint[]> {
  return ((await Promise.all(sent)) as readonly MessageId[]).map((id) => id.entryId);
}

describe('a batch that arrived damaged', { timeout }, () => {
  test('is written again', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, { batchingEnabled: true, batchingMaxPublishDelayMs: 0 });
    broker.on('send', (heard) => {
      if (broker.heard('send').length > 0) return broker.receipt(heard);
      const { producerId, highestSequenceId = -1 } = heard.command;
      const error = serverError.ChecksumError;
      heard.peer.say({
        type: 'sendError',
        command: { producerId, sequenceId: highestSequenceId, error, message: 'x' },
      });
    });
    assert.deepEqual(await entryIds(sendAll(producer, 'a', 'b', 'c')), [0n, 0n, 0n]);
    const [first, second] = broker.heard('send');
    assert.deepEqual([first?.command.sequenceId, first?.command.highestSequenceId], [0, 2]);
    assert.deepEqual(second?.raw, first?.raw);
  });

  test('is no success where the broker takes it for a duplicate later', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, { batchingEnabled: true, batchingMaxMessages: 2 });
    // Another one is stored behind it: written again it would be too old.
    broker.on('send', (heard) => {
      const { producerId, sequenceId, highestSequenceId = -1 } = heard.command;
      if (sequenceId > 0) return broker.receipt(heard);
      const { peer } = heard;
      const messageId = { ledgerId: -1n, entryId: -1n };
      if (broker.heard('send').length > 1)
        return peer.say({ type: 'sendReceipt', command: { producerId, sequenceId, messageId } });
      const error = serverError.ChecksumError;
      peer.say({ type: 'sendError', command: { producerId, sequenceId: highestSequenceId, error, message: 'x' } });
    });
    const sent = sendAll(producer, 'a', 'b', 'c', 'd');
    for (const lost of sent.slice(0, 2)) await assert.rejects(lost, pulsarError('ChecksumError', false));
    assert.deepEqual(await entryIds(sent.slice(2)), [0n, 0n]);
  });
});
