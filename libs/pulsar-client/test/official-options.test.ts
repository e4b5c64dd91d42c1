// A program written for the official client must not lose an option without being told.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Client } from '../src/client.ts';
import { PulsarError } from '../src/errors.ts';
import { MessageId } from '../src/message-id.ts';
import { newProducer, startScripted } from './support/producers.ts';
import { officialMessage, officialOptions } from './support/official-options.ts';

/** Nobody listens there: what is accepted fails at once by that. */
const serviceUrl = 'pulsar://127.0.0.1:1';
const connecting = new Set(['ConnectError', 'Timeout']);

const base = {
  ClientConfig: {},
  ProducerConfig: { topic: 'chat' },
  ConsumerConfig: { topic: 'chat', subscription: 's' },
  ReaderConfig: { topic: 'chat', startMessageId: MessageId.earliest() },
} as const;

/** Uses a config as far as it goes without a broker. */
async function use(kind: keyof typeof officialOptions, config: object): Promise<void> {
  if (kind === 'ClientConfig') {
    const client = new Client({ ...('serviceUrlProvider' in config ? {} : { serviceUrl }), ...config });
    await client.close();
    return;
  }
  const client = new Client({ serviceUrl, operationTimeoutSeconds: 0.01, initialBackoffMs: 1 });
  try {
    const whole = { ...base[kind], ...config } as never;
    if (kind === 'ProducerConfig') await client.createProducer(whole);
    else if (kind === 'ConsumerConfig') await client.subscribe(whole);
    else await client.createReader(whole);
  } finally {
    await client.close();
  }
}

/** Accepted, or refused with the option's name: anything else is a defect. */
async function assertTold(kind: keyof typeof officialOptions, option: string, value: unknown): Promise<void> {
  try {
    await use(kind, { [option]: value });
  } catch (error) {
    assert.ok(error instanceof PulsarError, `${option}: ${String(error)}`);
    if (connecting.has(error.code)) return;
    assert.ok(error.message.includes(option), `the message names ${option}: ${error.message}`);
    assert.doesNotMatch(error.message, /has no option/);
  }
}

for (const kind of Object.keys(officialOptions) as (keyof typeof officialOptions)[]) {
  describe(`${kind} of the official client`, () => {
    for (const [option, values] of Object.entries(officialOptions[kind])) {
      test(`${option} is supported, or refused by its name`, async () => {
        for (const value of values as readonly unknown[]) await assertTold(kind, option, value);
      });
    }

    test('and no other, which is refused as unknown', async () => {
      const unknown = use(kind, { optionThatIsNone: 1 });
      await assert.rejects(unknown, /has no option 'optionThatIsNone'/);
    });
  });
}

test('a message of the official client is taken with all that it may say', async (t) => {
  const { client } = await startScripted(t);
  const producer = await newProducer(client);
  for (const [name, value] of Object.entries(officialMessage)) {
    await producer.send({ data: Buffer.from('x'), [name]: value });
  }
});

test('what the official client gives has the methods that it has', async (t) => {
  const { client } = await startScripted(t);
  const producer = await newProducer(client);
  const named = (names: string): string[] => names.split(' ');
  const has = (object: object, names: string): void =>
    named(names).forEach((name) => assert.equal(typeof (object as Record<string, unknown>)[name], 'function', name));
  has(client, 'createProducer subscribe createReader getPartitionsForTopic close');
  has(producer, 'send flush close getProducerName getTopic isConnected');
  has(MessageId, 'earliest latest deserialize');
  has(MessageId.latest(), 'serialize toString');
});
