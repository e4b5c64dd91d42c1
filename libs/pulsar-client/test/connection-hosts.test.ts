// Several hosts in one service URL.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { Backoff } from '@pharos/lifecycle';
import type { Access } from '../src/connection/access.ts';
import type { Connection } from '../src/connection/connection.ts';
import { Service } from '../src/connection/service.ts';
import { PulsarError } from '../src/errors.ts';
import { newProducer, startScripted } from './support/producers.ts';
import type { ScriptedBroker } from './support/scripted-broker.ts';

const access: Access = {
  authentication: undefined,
  tls: {
    trustCertsFilePath: undefined,
    certificate: undefined,
    validateHostname: true,
    allowInsecureConnection: false,
  },
};
const there = {} as Connection;

/** A port that nobody listens on. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Takes connections and says nothing. */
async function silentPort(t: TestContext): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    t.after(() => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const portOf = ({ serviceUrl }: ScriptedBroker): string => serviceUrl.slice(serviceUrl.lastIndexOf(':') + 1);

/** The ports that a service tries, in order, where those in `down` fail. */
function tries(url: string, down: Set<number>): { readonly reach: () => Promise<number[]>; readonly service: Service } {
  const service = new Service(url, access, () => new Backoff({ initialMs: 60_000, maxMs: 60_000 }), 0);
  const reach = async (): Promise<number[]> => {
    const ports: number[] = [];
    await service
      .reach(({ address: { port } }) => {
        ports.push(port);
        if (down.has(port)) return Promise.reject(new PulsarError('ConnectError', `${port} is down`));
        return Promise.resolve(there);
      })
      .catch(() => undefined);
    return ports;
  };
  return { reach, service };
}

describe('the hosts of a service', () => {
  test('one that answers is kept, one that failed is left alone for a while', async () => {
    const down = new Set([1]);
    const { reach } = tries('pulsar://h:1,h:2,h:3', down);
    assert.deepEqual(await reach(), [1, 2]);
    assert.deepEqual(await reach(), [2]);
    down.clear();
    down.add(2);
    assert.deepEqual(await reach(), [2, 3], 'the first is not tried again yet');
    assert.deepEqual(await reach(), [3]);
    down.add(3);
    assert.deepEqual(await reach(), [3]);
    assert.deepEqual(await reach(), [3, 1], 'all are down: all are tried');
  });

  test('many who waited for the same try make one failure of it', async () => {
    let random = 0;
    const newBackoff = (): Backoff => new Backoff({ initialMs: 10, maxMs: 1e9, random: () => random++ && 1 });
    const service = new Service('pulsar://h:1,h:2', access, newBackoff, 0);
    const opening = Promise.reject(new PulsarError('ConnectError', 'down'));
    const get = ({ address }: { readonly address: { readonly port: number } }): Promise<Connection> =>
      address.port === 1 ? opening : Promise.resolve(there);
    await Promise.all(Array.from({ length: 20 }, () => service.reach(get)));
    assert.equal(random, 1, 'one wait was taken');
  });

  test('begin with one by chance', async () => {
    for (const [random, expected] of [
      [0, 1],
      [0.34, 2],
      [0.99, 3],
    ] as const) {
      const service = new Service('pulsar://h:1,h:2,h:3', access, () => new Backoff(), random);
      const ports: number[] = [];
      await service.reach(({ address }) => {
        ports.push(address.port);
        return Promise.resolve(there);
      });
      assert.deepEqual(ports, [expected]);
    }
  });

  test('credentials that one refuses are not offered to the others', async () => {
    const { service } = tries('pulsar://h:1,h:2', new Set());
    let asked = 0;
    const refusing = service.reach(() => {
      asked++;
      return Promise.reject(new PulsarError('AuthenticationError', 'no'));
    });
    await assert.rejects(refusing, /no/);
    assert.equal(asked, 1);
  });

  test('that all fail are all named, with what each said', async () => {
    const { service } = tries('pulsar://h:1,h:2', new Set());
    const get = ({ address }: { readonly address: { readonly port: number } }): Promise<Connection> =>
      Promise.reject(new PulsarError('ConnectError', `${address.port} is down`, { retryable: address.port === 1 }));
    await assert.rejects(service.reach(get), (error) => {
      assert.ok(error instanceof PulsarError);
      assert.match(error.message, /no host of pulsar:\/\/h:1,h:2 can be reached: 1 is down; 2 is down/);
      return error.retryable;
    });
  });
});

describe('a client with several hosts', () => {
  test('goes to one that is there, wherever it stands', async (t) => {
    const dead = await deadPort();
    for (const urlOf of [
      (broker: ScriptedBroker): string => `pulsar://127.0.0.1:${dead},127.0.0.1:${portOf(broker)}`,
      (broker: ScriptedBroker): string => `pulsar://127.0.0.1:${portOf(broker)},127.0.0.1:${dead}`,
    ]) {
      const { client } = await startScripted(t, {}, {}, urlOf);
      await newProducer(client);
    }
  });

  test('goes on to the next where one swallows what is sent', async (t) => {
    const silent = await silentPort(t);
    const urlOf = (broker: ScriptedBroker): string =>
      `pulsar://127.0.0.1:${silent},127.0.0.1:${silent},127.0.0.1:${silent},127.0.0.1:${portOf(broker)}`;
    const { client } = await startScripted(t, {}, { operationTimeoutSeconds: 2, connectionTimeoutMs: 100 }, urlOf);
    await newProducer(client);
  });

  test('goes to another when its own goes away', async (t) => {
    const second = await startScripted(t);
    const urlOf = (broker: ScriptedBroker): string => `${broker.serviceUrl},127.0.0.1:${portOf(second.broker)}`;
    const first = await startScripted(t, {}, {}, urlOf);
    await newProducer(first.client);
    const began = first.broker.heard('producer').length > 0 ? first.broker : second.broker;
    const other = began === first.broker ? second.broker : first.broker;
    await began.goAway();
    await other.hear('producer');
  });
});
