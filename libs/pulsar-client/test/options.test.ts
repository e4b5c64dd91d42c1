import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Client } from '../src/client.ts';
import type { ConsumerConfig } from '../src/consumer/consumer-config.ts';
import { PulsarError } from '../src/errors.ts';
import type { ProducerConfig } from '../src/producer/producer-config.ts';
import type { ReaderConfig } from '../src/reader/reader.ts';

/** Nobody listens there; a config must be refused before anybody is asked. */
const serviceUrl = 'pulsar://127.0.0.1:1';

/** A PulsarError `InvalidConfiguration` that names the option. */
function names(option: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof PulsarError && error.code === 'InvalidConfiguration' && error.message.includes(option);
}

describe('options that are not supported are refused by name', () => {
  const client: Readonly<Record<string, unknown>> = {
    authentication: {},
    ioThreads: 2,
    tlsCertificateFilePath: 'client.pem',
    tlsPrivateKeyFilePath: 'key.pem',
    tlsValidateHostname: 'yes',
    tlsTrustCertsFilePath: '',
    statsIntervalInSeconds: 60,
    log: () => undefined,
    serviceUrlProvider: { primary: 'pulsar://a:1', secondary: ['pulsar://b:1'] },
    operationTimeout: 5,
    operationTimeoutSeconds: 0,
    connectionTimeoutMs: -1,
    keepAliveIntervalMs: 2 ** 31,
  };
  for (const [option, value] of Object.entries(client)) {
    test(`client: ${option}`, () => {
      assert.throws(() => new Client({ serviceUrl, [option]: value }), names(option));
    });
  }

  const producer: Readonly<Record<string, unknown>> = {
    chunkingEnabled: true,
    accessMode: 'Exclusive',
    batchingType: 'ByKey',
    encryptionKey: 'key',
    schema: { schemaType: 'String' },
    hashingScheme: 'BoostHash',
    compressionType: 'Brotli',
    messageRoutingMode: 'CustomPartition',
    maxPendingMessages: 0,
    sendTimeoutMs: 1.5,
    producername: 'typo',
  };
  for (const [option, value] of Object.entries(producer)) {
    test(`producer: ${option}`, async () => {
      const config = { topic: 'chat', [option]: value } as unknown as ProducerConfig;
      await assert.rejects(new Client({ serviceUrl }).createProducer(config), names(option));
    });
  }

  const consumer: Readonly<Record<string, unknown>> = {
    topics: ['a', 'b'],
    topicsPattern: 'a.*',
    ackTimeoutMs: 1000,
    subscriptionType: 'Key_Shared',
    deadLetterPolicy: {},
    receiverQueueSize: 0,
    batchReceivePolicy: { maxNumMessages: -1, maxNumBytes: -1, timeoutMs: -1 },
    subscription: '',
  };
  for (const [option, value] of Object.entries(consumer)) {
    test(`consumer: ${option}`, async () => {
      const config = { topic: 'chat', subscription: 's', [option]: value } as unknown as ConsumerConfig;
      await assert.rejects(new Client({ serviceUrl }).subscribe(config), names(option));
    });
  }

  test('reader: privateKeyPath', async () => {
    const config = { topic: 'chat', startMessageId: undefined, privateKeyPath: 'key.pem' } as unknown as ReaderConfig;
    await assert.rejects(new Client({ serviceUrl }).createReader(config), names('privateKeyPath'));
  });

  test('values that change nothing are taken', () => {
    const config = { serviceUrl, tlsAllowInsecureConnection: false, statsIntervalInSeconds: 0, log: undefined };
    assert.doesNotThrow(() => new Client(config));
  });

  test('certificates where nothing is encrypted are refused', () => {
    const config = { serviceUrl, tlsTrustCertsFilePath: 'ca.pem' };
    assert.throws(
      () => new Client(config),
      names("'tlsTrustCertsFilePath' is for TLS, and 'pulsar://127.0.0.1:1' has none: use pulsar+ssl://"),
    );
  });

  test('a password in a service URL is not shown', () => {
    const config = { serviceUrl: 'pulsar://me:secret@host:6650' };
    assert.throws(
      () => new Client(config),
      (error) => error instanceof PulsarError && error.code === 'InvalidUrl' && !error.message.includes('secret'),
    );
  });

  for (const url of [
    '',
    'http://127.0.0.1:6650',
    'pulsar://',
    'pulsar://a:99999',
    'pulsar+ssl:/a:6651',
    'pulsar://a:1,',
    'pulsar://a:1;b:2',
    'a:6650',
  ]) {
    test(`service URL '${url}'`, () => {
      assert.throws(
        () => new Client({ serviceUrl: url }),
        (error) => error instanceof PulsarError && /InvalidUrl|InvalidConfiguration/.test(error.code),
      );
    });
  }
});
