// Producers of all kinds over a broker that removes duplicates and does its worst by chance, many rounds in a short time.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PulsarError } from '../src/errors.ts';
import type { ProducerMessage } from '../src/producer/producer-config.ts';
import { BatchCursor, decodeEntry, serverError } from '../src/wire/index.ts';
import { Chance, faultRounds } from './support/chance.ts';
import { newProducer, startScripted } from './support/producers.ts';
import type { Heard, Peer, ScriptedBroker } from './support/scripted-broker.ts';

const timeout = 120_000 * faultRounds(1);
const messages = 300;
/** Of the messages so many can be sent before chance comes to rest, so that each test ends. */
const troubles = 60;

type Trouble = 'cuts' | 'damage';

/** Keeps what is sent, each sequence id once, as a broker with deduplication does. */
class Deduplicating {
  readonly stored: string[] = [];
  readonly #broker: ScriptedBroker;
  readonly #chance: Chance;
  readonly #trouble: Trouble;
  /** What they sent before they were cut off is not read any more. */
  readonly #gone = new Set<Peer>();
  #highest = -1;
  #left = troubles;

  constructor(broker: ScriptedBroker, chance: Chance, trouble: Trouble) {
    this.#broker = broker;
    this.#chance = chance;
    this.#trouble = trouble;
    broker.on('producer', ({ command: { requestId, producerName = 'p' }, peer }) =>
      peer.say({ type: 'producerSuccess', command: { requestId, producerName, lastSequenceId: this.#highest } }),
    );
    broker.on('send', (heard) => this.#send(heard));
  }

  #send(heard: Heard<'send'>): void {
    const { peer, command } = heard;
    if (this.#gone.has(peer)) return;
    const { producerId, sequenceId, highestSequenceId = sequenceId } = command;
    if (this.#trouble === 'cuts' && this.#happens()) return this.#cut(peer);
    if (this.#trouble === 'damage' && this.#happens()) {
      const error = serverError.ChecksumError;
      return peer.say({
        type: 'sendError',
        command: { producerId, sequenceId: highestSequenceId, error, message: 'x' },
      });
    }
    if (sequenceId <= this.#highest) {
      const messageId = { ledgerId: -1n, entryId: -1n };
      return peer.say({ type: 'sendReceipt', command: { producerId, sequenceId, highestSequenceId, messageId } });
    }
    this.#highest = highestSequenceId;
    this.stored.push(...textsOf(heard));
    if (this.#trouble === 'cuts' && this.#happens()) return this.#cut(peer);
    this.#broker.receipt(heard);
  }

  #happens(): boolean {
    if (this.#left === 0 || this.#chance.between(0, 19) > 0) return false;
    this.#left--;
    return true;
  }

  #cut(peer: Peer): void {
    this.#gone.add(peer);
    peer.cut();
  }
}

function textsOf({ entry: bytes = Buffer.alloc(0) }: Heard<'send'>): string[] {
  const entry = decodeEntry(bytes);
  assert.ok(entry.checksumOk);
  const { metadata, payload } = entry;
  if (metadata.numMessagesInBatch === undefined) return [payload.toString()];
  const cursor = new BatchCursor();
  cursor.reset(payload, metadata.numMessagesInBatch);
  const texts: string[] = [];
  while (cursor.next()) texts.push(payload.toString('utf8', cursor.dataStart, cursor.dataEnd));
  return texts;
}

/** Now and then too large, which only shows once it is encoded, or one that goes alone. */
function messageOf(chance: Chance, number: number, key: string | undefined): ProducerMessage {
  return {
    data: Buffer.from(`${key ?? ''}:${number}`),
    ...(key === undefined ? {} : { partitionKey: key }),
    ...(chance.between(0, 39) === 0 ? { properties: { p: '語'.repeat(1100) } } : {}),
    ...(chance.between(0, 19) === 0 ? { deliverAt: 5 } : {}),
  };
}

describe('producers and chance', { timeout }, () => {
  for (const trouble of ['cuts', 'damage'] as const) {
    for (const keyed of [false, true]) {
      const kind = keyed ? 'batches by key' : 'batches and single messages';
      test(`${trouble}, ${kind}: nothing acknowledged is lost, nothing stored twice, in disorder, or though it failed`, async (t) => {
        const chance = Chance.for(t);
        for (let round = faultRounds(4); round > 0; round--) {
          const { broker, client } = await startScripted(t, { maxMessageSize: 3000 });
          const { stored } = new Deduplicating(broker, chance, trouble);
          const producer = await newProducer(client, {
            batchingEnabled: true,
            batchingType: keyed ? 'KeyBasedBatching' : 'DefaultBatching',
            batchingMaxMessages: chance.between(1, 10),
            batchingMaxPublishDelayMs: chance.between(0, 2),
            maxPendingMessages: chance.between(5, 35),
            blockIfQueueFull: true,
            sendTimeoutMs: 0,
          });
          const acknowledged: string[] = [];
          const failed: string[] = [];
          const sent: Promise<unknown>[] = [];
          for (let number = 0; number < messages; number++) {
            const message = messageOf(chance, number, keyed ? `k${chance.between(0, 3)}` : undefined);
            const text = message.data.toString();
            const fail = (error: unknown): void => {
              assert.ok(error instanceof PulsarError && !error.outcomeUnknown, String(error));
              failed.push(text);
            };
            sent.push(producer.send(message).then(() => acknowledged.push(text), fail));
            if (chance.between(0, 9) === 0) await delay(1);
          }
          await Promise.all(sent);
          assert.deepEqual([...stored].sort(), acknowledged.sort(), 'stored, and acknowledged');
          assert.equal(acknowledged.length + failed.length, messages);
          const keys = new Map<string, number>();
          for (const text of stored) {
            const [key = '', number] = text.split(':');
            assert.ok(Number(number) > (keys.get(key) ?? -1), `${text} comes after ${keys.get(key)}`);
            keys.set(key, Number(number));
          }
        }
      });
    }
  }
});
