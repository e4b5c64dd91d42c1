import type { TestContext } from 'node:test';
import { Client } from '../../src/client.ts';
import type { ClientConfig } from '../../src/client-config.ts';
import { PulsarError } from '../../src/errors.ts';
import type { Producer } from '../../src/producer/producer.ts';
import type { ProducerConfig } from '../../src/producer/producer-config.ts';
import { ScriptedBroker, type ScriptedBrokerOptions } from './scripted-broker.ts';

/** A scripted broker and a client of it, closed when the test ends; `urlOf`: what the client takes for its service URL. */
export async function startScripted(
  t: TestContext,
  options: ScriptedBrokerOptions = {},
  config: Partial<ClientConfig> = {},
  urlOf: (broker: ScriptedBroker) => string = ({ serviceUrl }) => serviceUrl,
): Promise<{ readonly broker: ScriptedBroker; readonly client: Client }> {
  const broker = await ScriptedBroker.start(options);
  const client = new Client({
    serviceUrl: urlOf(broker),
    operationTimeoutSeconds: 5,
    initialBackoffMs: 1,
    maxBackoffMs: 20,
    ...config,
  });
  t.after(async () => {
    await broker.close();
    await client.close();
  });
  return { broker, client };
}

/** Has a scripted broker take whoever subscribes. */
export function takeConsumers(broker: ScriptedBroker): void {
  broker.on('subscribe', ({ command: { requestId }, peer }) => peer.say({ type: 'success', command: { requestId } }));
  broker.on('closeConsumer', ({ command: { requestId }, peer }) =>
    peer.say({ type: 'success', command: { requestId } }),
  );
}

/** A producer without batches, unless the config says otherwise. What still waits when the test ends is given up soon. */
export function newProducer(client: Client, config: Partial<ProducerConfig> = {}): Promise<Producer> {
  return client.createProducer({ topic: 'chat', batchingEnabled: false, sendTimeoutMs: 2000, ...config });
}

/** Sends texts at once. Their failures count only where somebody waits for them. */
export function sendAll(producer: Producer, ...texts: string[]): Promise<unknown>[] {
  return texts.map((text) => {
    const sent = producer.send({ data: Buffer.from(text) });
    sent.catch(() => undefined);
    return sent;
  });
}

/** For `assert.rejects`: a PulsarError of this code, and of this certainty where it is given. */
export function pulsarError(code: string, outcomeUnknown?: boolean): (error: unknown) => boolean {
  return (error) =>
    error instanceof PulsarError &&
    error.code === code &&
    (outcomeUnknown === undefined || error.outcomeUnknown === outcomeUnknown);
}
