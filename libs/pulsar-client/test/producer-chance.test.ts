// Producers of all kinds over a broker that removes duplicates and does its worst by chance, many rounds in a short time.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PulsarError } from '../src/errors.ts';
import type { ProducerMessage } from '../src/producer/producer-config.ts';
import { BatchCursor, decodeEntry, serverError } from '../src/wire/index.ts';
import { Chance, faultRounds } from './support/chance.ts';
import { newProducer, startScripted } from './support/producers.ts';
import { ReadableTopic } from './support/readable-topic.ts';
import type { Heard, Peer, ScriptedBroker } from './support/scripted-broker.ts';

const timeout = 120_000 * faultRounds(1);
const messages = 300;
/** Of the messages so many can be sent before chance comes to rest, so that each test ends. */
const troubles = 60;

/** `misread`: a bit of a command flips, there or back. */
type Trouble = 'cuts' | 'damage' | 'misread';

/** Keeps what is sent, each sequence id once, as a broker with deduplication does. */
class Deduplicating {
  readonly stored: string[] = [];
  readonly #chance: Chance;
  readonly #trouble: Trouble;
  /** What they sent before they were cut off is not read any more. */
  readonly #gone = new Set<Peer>();
  readonly #topic: ReadableTopic;
  /** So often chance struck. */
  struck = 0;
  #highest = -1;
  #quiet = 0;

  constructor(broker: ScriptedBroker, chance: Chance, trouble: Trouble) {
    this.#chance = chance;
    this.#trouble = trouble;
    this.#topic = new ReadableTopic(broker);
    broker.on('producer', ({ command: { requestId, producerName = 'p' }, peer }) =>
      peer.say({ type: 'producerSuccess', command: { requestId, producerName, lastSequenceId: this.#highest } }),
    );
    broker.on('send', (heard) => this.#send(heard));
  }

  #send(heard: Heard<'send'>): void {
    const { peer, command } = heard;
    if (this.#gone.has(peer)) return;
    const { producerId, highestSequenceId: last } = command;
    let { sequenceId } = command;
    if (this.#trouble === 'cuts' && this.#happens()) return this.#cut(peer);
    // 1: its producer's id, there; 2: its own; 3 and 4: in the receipt.
    const misread = this.#trouble === 'misread' && this.#happensOnceInAWhile() ? this.#chance.between(1, 4) : 0;
    if (misread === 1) return;
    if (misread === 2) sequenceId = this.#misread(sequenceId);
    const highestSequenceId = Math.max(last ?? sequenceId, sequenceId);
    if (this.#trouble === 'damage' && this.#happens()) {
      const error = serverError.ChecksumError;
      return peer.say({
        type: 'sendError',
        command: { producerId, sequenceId: highestSequenceId, error, message: 'x' },
      });
    }
    let messageId = { ledgerId: -1n, entryId: -1n };
    if (sequenceId > this.#highest) {
      this.#highest = highestSequenceId;
      this.stored.push(...textsOf(heard));
      messageId = this.#topic.store(heard);
      if (this.#trouble === 'cuts' && this.#happens()) return this.#cut(peer);
    }
    if (misread === 3) return;
    if (misread === 4) sequenceId = this.#misread(sequenceId);
    peer.say({ type: 'sendReceipt', command: { producerId, sequenceId, highestSequenceId, messageId } });
  }

  /** Two flips at once can make up for each other, and nobody sees either. */
  #happensOnceInAWhile(): boolean {
    if (this.#quiet-- > 0) return false;
    if (!this.#happens()) return false;
    this.#quiet = 80;
    return true;
  }

  #misread(id: number): number {
    return id ^ (1 << this.#chance.between(0, 10));
  }

  #happens(): boolean {
    if (this.struck === troubles || this.#chance.between(0, 19) > 0) return false;
    this.struck++;
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

const unknown: ReadonlySet<string> = new Set(['ChecksumError', 'Timeout']);

describe('producers and chance', { timeout }, () => {
  for (const trouble of ['cuts', 'damage', 'misread'] as const) {
    for (const keyed of [false, true]) {
      const kind = keyed ? 'batches by key' : 'batches and single messages';
      test(`${trouble}, ${kind}: nothing acknowledged is lost, nothing stored twice, in disorder, or though it failed`, async (t) => {
        const chance = Chance.for(t);
        for (let round = faultRounds(4); round > 0; round--) {
          const { broker, client } = await startScripted(t, { maxMessageSize: 3000 });
          const topic = new Deduplicating(broker, chance, trouble);
          const maxPendingMessages = chance.between(5, 35);
          const producer = await newProducer(client, {
            batchingEnabled: true,
            batchingType: keyed ? 'KeyBasedBatching' : 'DefaultBatching',
            batchingMaxMessages: chance.between(1, 10),
            batchingMaxPublishDelayMs: chance.between(0, 2),
            maxPendingMessages,
            blockIfQueueFull: true,
            // Who is not heard, and sends nothing after it, learns of it by time.
            sendTimeoutMs: trouble === 'misread' ? 1000 : 0,
          });
          const acknowledged: string[] = [];
          const failed: string[] = [];
          const unsure: string[] = [];
          const sent: Promise<unknown>[] = [];
          for (let number = 0; number < messages; number++) {
            const message = messageOf(chance, number, keyed ? `k${chance.between(0, 3)}` : undefined);
            const text = message.data.toString();
            const fail = (error: unknown): void => {
              assert.ok(error instanceof PulsarError, String(error));
              if (error.outcomeUnknown) assert.ok(trouble === 'misread' && unknown.has(error.code), String(error));
              (error.outcomeUnknown ? unsure : failed).push(text);
            };
            sent.push(producer.send(message).then(() => acknowledged.push(text), fail));
            if (chance.between(0, 9) === 0) await delay(1);
          }
          await Promise.all(sent);
          const { stored, struck } = topic;
          const known = stored.filter((text) => !unsure.includes(text));
          assert.deepEqual(known.sort(), acknowledged.sort(), 'stored, and acknowledged');
          assert.equal(acknowledged.length + failed.length + unsure.length, messages);
          // What is on its way where a bit flips, and no more.
          assert.ok(unsure.length <= struck * maxPendingMessages, `${unsure.length} are not known, ${struck} flips`);
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
