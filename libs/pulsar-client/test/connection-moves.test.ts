// Where brokers send their producers and consumers: redirects, handing over, other clusters, proxies.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Client } from '../src/client.ts';
import type { ClientConfig } from '../src/client-config.ts';
import { addressFor, urlFor } from '../src/connection/move.ts';
import { lookupResult, migratedResource } from '../src/wire/index.ts';
import { newProducer, sendAll, startScripted, takeConsumers } from './support/producers.ts';
import type { Heard, ScriptedBroker } from './support/scripted-broker.ts';

interface Rig {
  readonly broker: ScriptedBroker;
  readonly client: Client;
}

/** A scripted broker that takes consumers too. */
async function start(t: TestContext, config: Partial<ClientConfig> = {}): Promise<Rig> {
  const rig = await startScripted(t, {}, config);
  takeConsumers(rig.broker);
  return rig;
}

/** Has the lookups of a broker answered with another's URL. */
function point(from: ScriptedBroker, to: string, response: number, authoritative: boolean): void {
  from.on('lookup', ({ command: { requestId }, peer }) =>
    peer.say({ type: 'lookupResponse', command: { requestId, response, brokerServiceUrl: to, authoritative } }),
  );
}

function closeProducer({ command: { producerId }, peer }: Heard<'producer'>, assigned?: string): void {
  peer.say({ type: 'closeProducer', command: { producerId, requestId: -1, assignedBrokerServiceUrl: assigned } });
}

describe('lookup', () => {
  test('follows a chain of redirects, each broker told as much as the one before said', async (t) => {
    const [first, second, third, last] = [await start(t), await start(t), await start(t), await start(t)];
    point(first.broker, second.broker.serviceUrl, lookupResult.redirect, false);
    point(second.broker, third.broker.serviceUrl, lookupResult.redirect, true);
    point(third.broker, last.broker.serviceUrl, lookupResult.connect, true);
    const producer = await newProducer(first.client);
    await Promise.all(sendAll(producer, 'x'));
    const asked = [first, second, third, last].map(({ broker }) =>
      broker.heard('lookup').map(({ command }) => command.authoritative ?? false),
    );
    assert.deepEqual(asked, [[false], [false], [true], []]);
    assert.equal(last.broker.heard('producer').length, 1);
  });

  test('takes the address of its own kind only', () => {
    const both = { plainUrl: 'pulsar://a:1', tlsUrl: 'pulsar+ssl://a:2' };
    assert.equal(addressFor(both, false)?.port, 1);
    assert.equal(addressFor(both, true)?.port, 2);
    assert.equal(addressFor({ plainUrl: 'pulsar://a:1', tlsUrl: undefined }, true), undefined);
    assert.equal(addressFor({ plainUrl: 'pulsar://a:1', tlsUrl: 'pulsar://a:1' }, true), undefined);
    assert.equal(addressFor({ plainUrl: 'pulsar+ssl://a:1', tlsUrl: undefined }, false), undefined);
    assert.equal(addressFor({ plainUrl: 'noise', tlsUrl: undefined }, false), undefined);
    assert.equal(urlFor({ plainUrl: 'pulsar://a:1,b:2', tlsUrl: undefined }, false), 'pulsar://a:1,b:2');
  });
});

describe('a broker that hands a topic over', () => {
  test('names the next, which is gone to without asking, with what was on its way', async (t) => {
    const [first, second] = [await start(t), await start(t)];
    const producer = await newProducer(first.client);
    first.broker.on('send', () => undefined);
    const sent = sendAll(producer, 'a', 'b');
    await first.broker.hear('send', 2);
    closeProducer(await first.broker.hear('producer'), second.broker.serviceUrl);
    await Promise.all(sent);
    assert.equal(second.broker.heard('send').length, 2);
    assert.equal(first.broker.heard('lookup').length + second.broker.heard('lookup').length, 1);
  });

  test('names the next to consumers too', async (t) => {
    const [first, second] = [await start(t), await start(t)];
    await first.client.subscribe({ topic: 'chat', subscription: 's' });
    const { command, peer } = await first.broker.hear('subscribe');
    const assignedBrokerServiceUrl = second.broker.serviceUrl;
    const { consumerId } = command;
    peer.say({ type: 'closeConsumer', command: { consumerId, requestId: -1, assignedBrokerServiceUrl } });
    await second.broker.hear('flow');
    assert.equal(first.broker.heard('lookup').length + second.broker.heard('lookup').length, 1);
  });

  test('names one that is not there: it is looked up again', async (t) => {
    const [first, gone] = [await start(t), await start(t)];
    await newProducer(first.client);
    await gone.broker.close();
    closeProducer(await first.broker.hear('producer'), gone.broker.serviceUrl);
    await first.broker.hear('producer', 2);
    assert.equal(first.broker.heard('lookup').length, 2);
  });

  test('names noise: it is looked up again', async (t) => {
    const { broker, client } = await start(t);
    await newProducer(client);
    closeProducer(await broker.hear('producer'), 'noise');
    await broker.hear('producer', 2);
    assert.equal(broker.heard('lookup').length, 2);
  });

  test('behind a proxy names one behind it', async (t) => {
    const { broker, client } = await start(t);
    broker.on('lookup', ({ command: { requestId }, peer }) => {
      const response = lookupResult.connect;
      const command = { requestId, response, brokerServiceUrl: 'pulsar://inside:6650', proxyThroughServiceUrl: true };
      peer.say({ type: 'lookupResponse', command });
    });
    await newProducer(client);
    closeProducer(await broker.hear('producer'), 'pulsar://other:6650');
    await broker.hear('producer', 2);
    const behind = broker.heard('connect').map(({ command }) => command.proxyToBrokerUrl);
    assert.deepEqual(behind, [undefined, 'inside:6650', 'other:6650']);
  });

  test('while a producer is being made has it made at the next, at once', async (t) => {
    const [first, second] = [await start(t), await start(t)];
    first.broker.on('producer', (heard) => closeProducer(heard, second.broker.serviceUrl));
    await newProducer(first.client);
    assert.equal(second.broker.heard('producer').length, 1);
  });
});

describe('a topic that migrates to another cluster', () => {
  test('takes its producer along, with what was on its way, and for good', async (t) => {
    const [blue, green] = [await start(t), await start(t)];
    const producer = await newProducer(blue.client);
    blue.broker.on('send', () => undefined);
    const sent = sendAll(producer, 'a');
    await blue.broker.hear('send');
    migrateProducer(await blue.broker.hear('producer'), green.broker);
    await Promise.all(sent);
    assert.equal(green.broker.heard('lookup').length, 1, 'the new cluster is asked for the broker');
    green.broker.cutAll();
    await green.broker.hear('producer', 2);
    assert.equal(blue.broker.heard('producer').length, 1);
  });

  test('takes its consumer along', async (t) => {
    const [blue, green] = [await start(t), await start(t)];
    await blue.client.subscribe({ topic: 'chat', subscription: 's' });
    const { command, peer } = await blue.broker.hear('subscribe');
    const { consumerId: resourceId } = command;
    const brokerServiceUrl = green.broker.serviceUrl;
    peer.say({
      type: 'topicMigrated',
      command: { resourceId, resourceType: migratedResource.consumer, brokerServiceUrl },
    });
    peer.say({ type: 'closeConsumer', command: { consumerId: resourceId, requestId: -1 } });
    await green.broker.hear('flow');
    assert.equal(green.broker.heard('lookup').length, 1);
  });

  test('before there was a producer has it made there, without waiting for an answer that never comes', async (t) => {
    const [blue, green] = [await start(t), await start(t)];
    blue.broker.on('producer', (heard) => migrateProducer(heard, green.broker));
    await newProducer(blue.client);
    assert.equal(green.broker.heard('producer').length, 1);
  });
});

function migrateProducer(heard: Heard<'producer'>, to: ScriptedBroker): void {
  const { producerId: resourceId } = heard.command;
  const command = { resourceId, resourceType: migratedResource.producer, brokerServiceUrl: to.serviceUrl };
  heard.peer.say({ type: 'topicMigrated', command });
  closeProducer(heard);
}

describe('connections', () => {
  test('as many to a broker as are asked for share its producers and consumers evenly', async (t) => {
    for (const connectionsPerBroker of [1, 3]) {
      const { broker, client } = await start(t, { connectionsPerBroker });
      for (let n = 0; n < 3; n++) {
        await newProducer(client);
        await client.subscribe({ topic: 'chat', subscription: `s${n}` });
      }
      const users = new Map<object, number>();
      for (const { peer } of [...broker.heard('producer'), ...broker.heard('subscribe')])
        users.set(peer, (users.get(peer) ?? 0) + 1);
      const each = 6 / connectionsPerBroker;
      assert.deepEqual(
        [...users.values()],
        Array.from({ length: connectionsPerBroker }, () => each),
      );
      assert.equal(broker.heard('connect').length, connectionsPerBroker);
    }
  });

  test('are tried again after waits that grow, with chance in them, up to the longest', async (t) => {
    const waits: number[] = [];
    const note = (fields: object): void => {
      const { delayMs } = fields as { readonly delayMs?: number };
      if (delayMs !== undefined) waits.push(delayMs);
    };
    const logger = { debug: note, info: note, warn: note, error: note };
    const { broker, client } = await start(t, { initialBackoffMs: 4, maxBackoffMs: 16, logger });
    await newProducer(client);
    broker.on('lookup', ({ peer }) => peer.cut());
    broker.cutAll();
    await broker.hear('lookup', 12);
    const bounds = waits.map((_, index) => Math.min(16, 4 * 2 ** (index + 1)));
    for (const [index, wait] of waits.entries()) {
      const bound = bounds[index] ?? 16;
      assert.ok(wait >= bound / 4 && wait <= bound, `wait ${index} is ${wait}, of at most ${bound}`);
    }
    assert.ok(Math.max(...waits) > 8, 'they grow');
    assert.ok(new Set(waits).size > 2, 'no two clients go in step');
  });
});
