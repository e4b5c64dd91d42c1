import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { AuthenticationToken } from '../src/auth/token.ts';
import { Client } from '../src/client.ts';
import type { ClientConfig } from '../src/client-config.ts';
import { PulsarError } from '../src/errors.ts';
import { newProducer, sendAll } from './support/producers.ts';
import { ScriptedBroker } from './support/scripted-broker.ts';

async function startBroker(t: TestContext): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start();
  t.after(() => broker.close());
  return broker;
}

function newClient(t: TestContext, config: ClientConfig): Client {
  const client = new Client({ operationTimeoutSeconds: 10, initialBackoffMs: 1, maxBackoffMs: 20, ...config });
  t.after(() => client.close());
  return client;
}

describe('clusters of which one is used at a time', () => {
  test('the first other that is there is gone to, with its own credentials, and the primary gone back to', async (t) => {
    const [primary, gone, spare] = [await startBroker(t), await startBroker(t), await startBroker(t)];
    await gone.close();
    const authentication = new AuthenticationToken({ token: 'of-the-spare' });
    const client = newClient(t, {
      authentication: new AuthenticationToken({ token: 'of-the-others' }),
      serviceUrlProvider: {
        primary: primary.serviceUrl,
        secondary: [gone.serviceUrl, { serviceUrl: spare.serviceUrl, authentication }],
        checkIntervalMs: 20,
        failoverThreshold: 2,
        switchBackThreshold: 2,
      },
    });
    const producer = await newProducer(client, { sendTimeoutMs: 20_000 });
    assert.equal((await primary.hear('connect')).command.authData?.toString(), 'of-the-others');
    primary.on('send', () => undefined);
    const sent = sendAll(producer, 'a');
    await primary.hear('send');
    await primary.goAway();
    await Promise.all(sent);
    assert.equal((await spare.hear('connect')).command.authData?.toString(), 'of-the-spare');
    primary.on('send', primary.receipt);
    await primary.listen();
    await primary.hear('producer', 2);
    await Promise.all(sendAll(producer, 'b'));
    assert.equal(spare.heard('send').length, 1);
  });

  test('the primary is kept while it is there', async (t) => {
    const [primary, spare] = [await startBroker(t), await startBroker(t)];
    const { serviceUrl } = primary;
    const client = newClient(t, {
      serviceUrlProvider: { primary: { serviceUrl }, secondary: [spare.serviceUrl], checkIntervalMs: 1 },
    });
    const producer = await newProducer(client);
    for (let n = 0; n < 20; n++) await Promise.all(sendAll(producer, 'a'));
    assert.equal(spare.heard('connect').length, 0);
    assert.equal(primary.heard('connect').length, 1);
  });

  test('options that make no sense are refused', () => {
    const one = 'pulsar://a:1';
    for (const [config, text] of [
      [{}, /serviceUrl/],
      [{ serviceUrl: one, serviceUrlProvider: { primary: one, secondary: [one] } }, /expected one of them/],
      [{ serviceUrlProvider: { primary: one, secondary: [] } }, /secondary is no array/],
      [{ serviceUrlProvider: { primary: one } }, /secondary is no array/],
      [{ serviceUrlProvider: { primary: one, secondary: [7] } }, /neither a service URL nor an object/],
      [{ serviceUrlProvider: { primary: one, secondary: [one], threshold: 1 } }, /no option 'threshold'/],
      [{ serviceUrlProvider: { primary: one, secondary: [one], checkIntervalMs: 0 } }, /checkIntervalMs/],
      [{ serviceUrlProvider: { primary: one, secondary: [{ serviceUrl: one, tls: 1 }] } }, /no option 'tls'/],
    ] as const) {
      assert.throws(
        () => new Client(config as unknown as ClientConfig),
        (error) => error instanceof PulsarError && text.test(error.message),
        String(text),
      );
    }
  });
});
