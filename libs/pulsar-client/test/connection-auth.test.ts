// What is said about credentials on the wire; whether a real broker agrees is in secured.pulsar.test.ts.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AuthenticationBasic } from '../src/auth/basic.ts';
import { AuthenticationToken } from '../src/auth/token.ts';
import { PulsarError } from '../src/errors.ts';
import type { Logger } from '../src/logger.ts';
import { serverError } from '../src/wire/index.ts';
import { newProducer, pulsarError, sendAll, startScripted } from './support/producers.ts';

const refresh = { type: 'authChallenge', command: { challenge: { authMethodName: 'token' } } } as const;

/** Tokens `t0`, `t1`, …; and everything that is logged. */
function counting(): {
  readonly authentication: AuthenticationToken;
  readonly logger: Logger;
  readonly lines: string[];
} {
  let count = 0;
  const lines: string[] = [];
  const log = (fields: object, message: string): void => void lines.push(`${JSON.stringify(fields)} ${message}`);
  return {
    authentication: new AuthenticationToken({ token: () => `t${count++}` }),
    logger: { debug: log, info: log, warn: log, error: log },
    lines,
  };
}

describe('credentials on the wire', () => {
  test('go with CONNECT, which also says that they can be refreshed', async (t) => {
    const authentication = new AuthenticationBasic({ username: 'ann', password: 'pass' });
    const { broker, client } = await startScripted(t, {}, { authentication });
    await client.getPartitionsForTopic('chat');
    const { command } = await broker.hear('connect');
    assert.equal(command.authMethodName, 'basic');
    assert.equal(command.authData?.toString(), 'ann:pass');
    assert.equal(command.featureFlags?.supportsAuthRefresh, true);
  });

  test('are fetched anew for each connection', async (t) => {
    const { authentication } = counting();
    const { broker, client } = await startScripted(t, {}, { authentication });
    await newProducer(client);
    broker.cutAll();
    assert.equal((await broker.hear('connect', 2)).command.authData?.toString(), 't1');
  });

  test('are given again when the broker asks, and everything goes on', async (t) => {
    const { authentication, logger, lines } = counting();
    const { broker, client } = await startScripted(t, {}, { authentication, logger });
    const producer = await newProducer(client);
    const { peer } = await broker.hear('connect');
    for (const [times, token] of [
      [1, 't1'],
      [2, 't2'],
    ] as const) {
      peer.say(refresh);
      const { command } = await broker.hear('authResponse', times);
      assert.deepEqual([command.response?.authMethodName, command.response?.authData?.toString()], ['token', token]);
    }
    await Promise.all(sendAll(producer, 'a'));
    assert.equal(broker.heard('producer').length, 1);
    assert.deepEqual(lines, []);
  });

  test('are given in as many steps as the broker asks for before it connects', async (t) => {
    const { authentication } = counting();
    const { broker, client } = await startScripted(t, {}, { authentication });
    broker.on('connect', ({ peer }) => peer.say(refresh));
    broker.on('authResponse', ({ peer }) =>
      peer.say(
        broker.heard('authResponse').length === 0
          ? refresh
          : { type: 'connected', command: { serverVersion: 'scripted', protocolVersion: 21 } },
      ),
    );
    await client.getPartitionsForTopic('chat');
    assert.equal((await broker.hear('authResponse', 2)).command.response?.authData?.toString(), 't2');
  });

  test('that can not be had fail at once, with the reason', async (t) => {
    const cause = new Error('vault is sealed');
    const authentication = new AuthenticationToken({ token: () => Promise.reject(cause) });
    const { broker, client } = await startScripted(t, {}, { authentication });
    await assert.rejects(newProducer(client), (error) => {
      assert.ok(error instanceof PulsarError);
      assert.equal(error.code, 'AuthenticationError');
      assert.match(error.message, /vault is sealed/);
      return error.cause === cause;
    });
    assert.equal(broker.heard('connect').length, 0);
  });

  test('that never come are a timeout', async (t) => {
    const authentication = new AuthenticationToken({ token: () => new Promise(() => undefined) });
    const config = { authentication, operationTimeoutSeconds: 0.1 };
    const { client } = await startScripted(t, {}, config);
    await assert.rejects(newProducer(client), pulsarError('Timeout'));
  });

  test('that can not be had for a moment cost the connection, and it comes back', async (t) => {
    const answers = ['fine', undefined, 'fine-again'];
    const token = (): string => {
      const answer = answers.shift();
      if (answer === undefined) throw new Error('sealed');
      return answer;
    };
    const { broker, client } = await startScripted(t, {}, { authentication: new AuthenticationToken({ token }) });
    const producer = await newProducer(client);
    (await broker.hear('connect')).peer.say(refresh);
    const sent = sendAll(producer, 'a');
    assert.equal((await broker.hear('connect', 2)).command.authData?.toString(), 'fine-again');
    await broker.hear('producer', 2);
    await Promise.all(sent);
  });

  test('that are refused later cost the connection, not those who use it', async (t) => {
    const { authentication } = counting();
    const { broker, client } = await startScripted(t, {}, { authentication });
    const producer = await newProducer(client);
    const { peer } = await broker.hear('connect');
    const command = { requestId: -1, error: serverError.AuthenticationError, message: 'expired' };
    peer.say({ type: 'error', command });
    await broker.hear('producer', 2);
    await Promise.all(sendAll(producer, 'a'));
  });

  test('show neither in errors nor in the log, even where the broker quotes them', async (t) => {
    const { logger, lines } = counting();
    const authentication = new AuthenticationToken({ token: 'tell-nobody' });
    const { broker, client } = await startScripted(t, {}, { authentication, logger });
    await newProducer(client);
    broker.on('connect', ({ command: { authData }, peer }) => {
      const message = `bad token '${authData?.toString()}'`;
      peer.say({ type: 'error', command: { requestId: -1, error: serverError.AuthenticationError, message } });
    });
    broker.cutAll();
    await broker.hear('connect', 3);
    await assert.rejects(client.getPartitionsForTopic('chat'), (error) => {
      assert.ok(error instanceof PulsarError);
      assert.match(error.message, /bad token '\[credentials\]'/);
      return true;
    });
    assert.ok(
      lines.some((line) => line.includes('bad token')),
      'it is logged',
    );
    assert.ok(!lines.join('\n').includes('tell-nobody'));
  });
});
