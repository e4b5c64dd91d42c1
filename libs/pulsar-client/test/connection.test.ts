import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { Client } from '../src/client.ts';
import type { ClientConfig } from '../src/client-config.ts';
import { PulsarError } from '../src/errors.ts';
import { lookupResult, serverError } from '../src/wire/index.ts';
import { newProducer, pulsarError, sendAll, startScripted } from './support/producers.ts';

/** A server that isn't a broker. */
async function serve(t: TestContext, onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `pulsar://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What asking the server for something throws. */
async function failureAt(serviceUrl: string, config: Partial<ClientConfig> = {}): Promise<PulsarError> {
  const client = new Client({ serviceUrl, operationTimeoutSeconds: 2, ...config });
  try {
    await client.getPartitionsForTopic('chat');
  } catch (error) {
    assert.ok(error instanceof PulsarError, String(error));
    assert.ok(error.message.includes(serviceUrl), error.message);
    return error;
  } finally {
    await client.close();
  }
  throw new Error('it was taken for a broker');
}

describe('what is not a broker is named, with its URL', () => {
  test('an HTTP server, at once', async (t) => {
    const url = await serve(t, (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const error = await failureAt(url);
    assert.equal(error.code, 'ConnectError');
    assert.match(error.message, /not a Pulsar broker: it answers HTTP/);
  });

  test('noise, at once', async (t) => {
    const url = await serve(t, (socket) => socket.write(Buffer.alloc(100, 0xfe)));
    const error = await failureAt(url);
    assert.equal(error.code, 'ConnectError');
    assert.match(error.message, /not a Pulsar broker/);
  });

  test('an echo of what was said, at once', async (t) => {
    const url = await serve(t, (socket) => socket.pipe(socket));
    assert.match((await failureAt(url)).message, /answered CONNECT with connect/);
  });

  test('silence, once the time is up', async (t) => {
    const url = await serve(t, () => undefined);
    const error = await failureAt(url, { operationTimeoutSeconds: 0.5, connectionTimeoutMs: 200 });
    assert.equal(error.code, 'Timeout');
    assert.match(error.message, /did not answer as a Pulsar broker within 200 ms/);
    const atOnce = await failureAt(url, { operationTimeoutSeconds: 0.2 });
    assert.equal(atOnce.code, 'Timeout');
  });

  test('nobody, once the time is up', async (t) => {
    const url = await serve(t, () => undefined);
    const port = Number(url.split(':').at(-1));
    const closed = `pulsar://127.0.0.1:${port === 1 ? 2 : 1}`;
    const error = await failureAt(closed, { operationTimeoutSeconds: 0.3 });
    assert.equal(error.code, 'ConnectError');
  });

  test('one that hangs up', async (t) => {
    const url = await serve(t, (socket) => socket.end());
    const error = await failureAt(url, { operationTimeoutSeconds: 0.3 });
    assert.match(error.message, /closed the connection before it answered as a Pulsar broker/);
  });
});

describe('the handshake', () => {
  test('asks for broker entry metadata', async (t) => {
    const { broker, client } = await startScripted(t);
    await client.getPartitionsForTopic('chat');
    const { command } = await broker.hear('connect');
    assert.equal(command.featureFlags?.supportsBrokerEntryMetadata, true);
  });

  test('a broker that refuses says why, and is not asked again', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('connect', ({ peer }) =>
      peer.say({
        type: 'error',
        command: { requestId: -1, error: serverError.AuthenticationError, message: 'who are you' },
      }),
    );
    await assert.rejects(client.getPartitionsForTopic('chat'), (error) => {
      assert.ok(error instanceof PulsarError);
      assert.equal(error.code, 'AuthenticationError');
      assert.match(error.message, /who are you/);
      return true;
    });
    assert.equal(broker.heard('connect').length, 1);
  });

  test('a broker that asks for credentials is told from one that fails', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('connect', ({ peer }) => peer.say({ type: 'authChallenge', command: {} }));
    await assert.rejects(client.getPartitionsForTopic('chat'), pulsarError('AuthenticationError'));
  });
});

describe('a connection', () => {
  test('is shared by all that talk to its broker', async (t) => {
    const { broker, client } = await startScripted(t);
    await Promise.all([newProducer(client), newProducer(client), client.getPartitionsForTopic('chat')]);
    assert.equal(broker.heard('connect').length, 1);
  });

  test('answers pings', async (t) => {
    const { broker, client } = await startScripted(t);
    await client.getPartitionsForTopic('chat');
    const { peer } = await broker.hear('connect');
    peer.say({ type: 'ping', command: {} });
    await broker.hear('pong');
  });

  test('that falls silent is given up, and made anew', async (t) => {
    const { broker, client } = await startScripted(t, {}, { keepAliveIntervalMs: 50 });
    await newProducer(client);
    await broker.hear('ping');
    broker.on('ping', () => undefined);
    await broker.hear('connect', 2);
    await broker.hear('producer', 2);
  });

  test('whose answers vanish in a frame of a damaged size is given up, and made anew', async (t) => {
    const { broker, client } = await startScripted(t, {}, { keepAliveIntervalMs: 50 });
    await newProducer(client);
    const pong = Buffer.from('000000090000000508139a0100', 'hex');
    broker.on('ping', ({ peer }) => {
      if (broker.heard('ping').length === 0) peer.write(Buffer.from('00400000', 'hex'));
      peer.write(pong);
    });
    await broker.hear('connect', 2);
    await broker.hear('producer', 2);
  });

  test('whose answer comes in pieces, slowly, is kept', async (t) => {
    const { broker, client } = await startScripted(t, {}, { keepAliveIntervalMs: 250 });
    await client.getPartitionsForTopic('chat');
    const pong = Buffer.from('000000090000000508139a0100', 'hex');
    broker.on('ping', ({ peer }) =>
      peer.write(pong.subarray(...(broker.heard('ping').length % 2 === 0 ? [0, 6] : [6]))),
    );
    await broker.hear('ping', 5);
    assert.equal(broker.heard('connect').length, 1);
  });

  test('that is answered is kept', async (t) => {
    // Long enough for an answer on a machine that is busy: the second is only asked for where the first was heard.
    const { broker, client } = await startScripted(t, {}, { keepAliveIntervalMs: 250 });
    await client.getPartitionsForTopic('chat');
    await broker.hear('ping', 2);
    assert.equal(broker.heard('connect').length, 1);
  });

  test('that is lost fails what waits for an answer, which is asked again', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('partitionedMetadata', ({ peer }) => {
      if (broker.heard('partitionedMetadata').length === 0) peer.cut();
      else broker.cutAll();
    });
    const asked = client.getPartitionsForTopic('chat');
    await broker.hear('partitionedMetadata', 3);
    await client.close();
    await assert.rejects(asked, (error) => error instanceof PulsarError);
  });

  test('an answer that never comes is a timeout that says what was asked', async (t) => {
    const { broker, client } = await startScripted(t, {}, { operationTimeoutSeconds: 0.2 });
    broker.on('producer', () => undefined);
    await assert.rejects(newProducer(client), (error) => {
      assert.ok(error instanceof PulsarError);
      assert.equal(error.code, 'Timeout');
      assert.match(error.message, /chat/);
      return true;
    });
  });
});

describe('lookup', () => {
  test('follows redirects to another broker, and says that it was sent', async (t) => {
    const first = await startScripted(t);
    const second = await startScripted(t);
    first.broker.on('lookup', ({ command: { requestId }, peer }) => {
      const brokerServiceUrl = second.broker.serviceUrl;
      const response = lookupResult.redirect;
      peer.say({ type: 'lookupResponse', command: { requestId, response, brokerServiceUrl, authoritative: true } });
    });
    const producer = await newProducer(first.client);
    await Promise.all(sendAll(producer, 'x'));
    assert.equal(first.broker.heard('producer').length, 0);
    assert.equal(second.broker.heard('lookup')[0]?.command.authoritative, true);
  });

  test('goes through the service URL where the broker says so', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('lookup', ({ command: { requestId }, peer }) => {
      const response = lookupResult.connect;
      const command = { requestId, response, brokerServiceUrl: 'pulsar://inside:6650', proxyThroughServiceUrl: true };
      peer.say({ type: 'lookupResponse', command });
    });
    await newProducer(client);
    const connects = broker.heard('connect').map(({ command }) => command.proxyToBrokerUrl);
    assert.deepEqual(connects, [undefined, 'inside:6650']);
  });

  test('that goes round in circles ends', async (t) => {
    const { broker, client } = await startScripted(t, {}, { operationTimeoutSeconds: 1 });
    broker.on('lookup', ({ command: { requestId }, peer }) => {
      const { serviceUrl: brokerServiceUrl } = broker;
      peer.say({ type: 'lookupResponse', command: { requestId, response: lookupResult.redirect, brokerServiceUrl } });
    });
    await assert.rejects(newProducer(client), pulsarError('LookupError'));
  });

  test('that is refused for good is not asked again', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('lookup', ({ command: { requestId }, peer }) => {
      const refusal = { error: serverError.AuthorizationError, message: 'not yours' };
      peer.say({ type: 'lookupResponse', command: { requestId, response: lookupResult.failed, ...refusal } });
    });
    await assert.rejects(newProducer(client), pulsarError('AuthorizationError'));
    assert.equal(broker.heard('lookup').length, 1);
  });

  test('waits for a topic that is being loaded', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('lookup', ({ command: { requestId }, peer }) => {
      const ready = broker.heard('lookup').length > 0;
      const answer = ready
        ? { response: lookupResult.connect, brokerServiceUrl: broker.serviceUrl }
        : { response: lookupResult.failed, error: serverError.ServiceNotReady, message: 'not yet' };
      peer.say({ type: 'lookupResponse', command: { requestId, ...answer } });
    });
    await newProducer(client);
    assert.equal(broker.heard('lookup').length, 2);
  });

  test('more at a time than are allowed are refused', async (t) => {
    const { broker, client } = await startScripted(t, {}, { concurrentLookupRequest: 1, operationTimeoutSeconds: 0.1 });
    broker.on('partitionedMetadata', () => undefined);
    const first = assert.rejects(client.getPartitionsForTopic('a'), pulsarError('Timeout'));
    await broker.hear('partitionedMetadata');
    await assert.rejects(client.getPartitionsForTopic('b'), pulsarError('TooManyLookupRequestException'));
    await first;
  });
});
