// Frames as the Java client and broker write them (testdata/GoldenFrames.java): what they say here is what Java was told to say.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ByteWriter } from '@pharos/bytes';
import { decodeEntry, encodeFrame, encodePayloadFrame, FrameParser } from '../../src/wire/index.ts';
import type { KnownCommand, MessageMetadata } from '../../src/wire/index.ts';
import { present } from './protocol.ts';

interface Golden {
  readonly command: KnownCommand;
  readonly entry?: { readonly metadata: MessageMetadata; readonly payload: Buffer };
}

const topic = 'persistent://public/default/chat';

const expected: Readonly<Record<string, Golden>> = {
  connect: {
    command: {
      type: 'connect',
      command: {
        clientVersion: 'Pulsar-Java-v4.2.4',
        authData: Buffer.from('secret'),
        protocolVersion: 21,
        authMethodName: 'token',
        proxyToBrokerUrl: 'broker:6650',
        featureFlags: {
          supportsAuthRefresh: true,
          supportsBrokerEntryMetadata: true,
          supportsPartialProducer: true,
          supportsGetPartitionedMetadataWithoutAutoCreation: true,
          supportsReplDedupByLidAndEid: true,
        },
      },
    },
  },
  connected: {
    command: {
      type: 'connected',
      command: {
        serverVersion: 'Pulsar Server4.2.4',
        protocolVersion: 21,
        maxMessageSize: 5242880,
        featureFlags: {
          supportsTopicWatchers: true,
          supportsGetPartitionedMetadataWithoutAutoCreation: true,
          supportsReplDedupByLidAndEid: true,
          supportsTopicWatcherReconcile: true,
        },
      },
    },
  },
  authChallenge: {
    command: {
      type: 'authChallenge',
      command: {
        challenge: { authMethodName: 'token', authData: Buffer.from('PulsarAuthRefresh') },
        protocolVersion: 21,
      },
    },
  },
  authResponse: {
    command: {
      type: 'authResponse',
      command: {
        clientVersion: 'Pulsar-Java-v4.2.4',
        response: { authMethodName: 'token', authData: Buffer.from('new') },
        protocolVersion: 21,
      },
    },
  },
  pong: { command: { type: 'pong', command: {} } },
  success: { command: { type: 'success', command: { requestId: 3 } } },
  error: { command: { type: 'error', command: { requestId: 4, error: 11, message: 'no such topic' } } },
  lookup: {
    command: {
      type: 'lookup',
      command: {
        topic: topic,
        requestId: 5,
        authoritative: true,
        advertisedListenerName: 'internal',
        properties: [{ key: 'p', value: 'q' }],
      },
    },
  },
  lookupResponse: {
    command: {
      type: 'lookupResponse',
      command: {
        brokerServiceUrl: 'pulsar://b:6650',
        brokerServiceUrlTls: 'pulsar+ssl://b:6651',
        response: 0,
        requestId: 5,
        authoritative: true,
        proxyThroughServiceUrl: true,
      },
    },
  },
  lookupError: {
    command: { type: 'lookupResponse', command: { response: 2, requestId: 5, error: 6, message: 'not yet' } },
  },
  partitionedMetadata: {
    command: {
      type: 'partitionedMetadata',
      command: { topic: topic, requestId: 6, metadataAutoCreationEnabled: true },
    },
  },
  partitionedMetadataResponse: {
    command: { type: 'partitionedMetadataResponse', command: { partitions: 12, requestId: 6, response: 0 } },
  },
  partitionedMetadataError: {
    command: { type: 'partitionedMetadataResponse', command: { requestId: 6, response: 1, error: 4, message: 'no' } },
  },
  getTopicsOfNamespace: {
    command: {
      type: 'getTopicsOfNamespace',
      command: {
        requestId: 8,
        namespace: 'public/default',
        mode: 0,
        topicsPattern: 'chat.*',
        topicsHash: 'hash',
        properties: [{ key: 'p', value: 'q' }],
      },
    },
  },
  topicMigrated: {
    command: {
      type: 'topicMigrated',
      command: {
        resourceId: 9,
        resourceType: 1,
        brokerServiceUrl: 'pulsar://n:6650',
        brokerServiceUrlTls: 'pulsar+ssl://n:6651',
      },
    },
  },
  producer: {
    command: {
      type: 'producer',
      command: {
        topic: topic,
        producerId: 1,
        requestId: 2,
        producerName: 'me',
        encrypted: false,
        metadata: [{ key: 'a', value: 'b' }],
        schema: { name: 's', schemaData: Buffer.from('{}'), type: 2, properties: [{ key: 'a', value: 'b' }] },
        epoch: 3,
        userProvidedProducerName: true,
        producerAccessMode: 1,
        topicEpoch: 4,
        txnEnabled: false,
        initialSubscriptionName: 'first',
      },
    },
  },
  producerSuccess: {
    command: {
      type: 'producerSuccess',
      command: {
        requestId: 2,
        producerName: 'me',
        lastSequenceId: 41,
        schemaVersion: Buffer.from('0009', 'hex'),
        topicEpoch: 4,
        producerReady: true,
      },
    },
  },
  sendReceipt: {
    command: {
      type: 'sendReceipt',
      command: { producerId: 1, sequenceId: 7, messageId: { ledgerId: 300n, entryId: 9n }, highestSequenceId: 8 },
    },
  },
  sendError: {
    command: { type: 'sendError', command: { producerId: 1, sequenceId: 7, error: 9, message: 'damaged' } },
  },
  closeProducer: {
    command: {
      type: 'closeProducer',
      command: {
        producerId: 1,
        requestId: 10,
        assignedBrokerServiceUrl: 'pulsar://n:6650',
        assignedBrokerServiceUrlTls: 'pulsar+ssl://n:6651',
      },
    },
  },
  subscribe: {
    command: {
      type: 'subscribe',
      command: {
        topic: topic,
        subscription: 'sub',
        subType: 3,
        consumerId: 11,
        requestId: 12,
        consumerName: 'c',
        priorityLevel: 1,
        durable: true,
        startMessageId: { ledgerId: -1n, entryId: -1n },
        metadata: [{ key: 'a', value: 'b' }],
        readCompacted: false,
        schema: { name: 's', schemaData: Buffer.from('{}'), type: 2, properties: [{ key: 'a', value: 'b' }] },
        initialPosition: 1,
        replicateSubscriptionState: false,
        forceTopicCreation: true,
        keySharedMeta: {
          keySharedMode: 1,
          hashRanges: [
            { start: 0, end: 99 },
            { start: 200, end: 65535 },
          ],
          allowOutOfOrderDelivery: false,
        },
        subscriptionProperties: [{ key: 'x', value: 'y' }],
        consumerEpoch: 5,
      },
    },
  },
  flow: { command: { type: 'flow', command: { consumerId: 11, messagePermits: 1000 } } },
  ackOfBatch: {
    command: {
      type: 'ack',
      command: {
        consumerId: 11,
        ackType: 0,
        messageId: [{ ledgerId: 300n, entryId: 9n, ackSet: [2n, 64n] }],
        requestId: 13,
      },
    },
  },
  ackCumulative: {
    command: {
      type: 'ack',
      command: {
        consumerId: 11,
        ackType: 1,
        messageId: [{ ledgerId: 300n, entryId: 9n }],
        validationError: 2,
        properties: [{ key: 'n', value: 5n }],
      },
    },
  },
  ackResponse: {
    command: { type: 'ackResponse', command: { consumerId: 11, error: 1, message: 'later', requestId: 13 } },
  },
  redeliver: {
    command: {
      type: 'redeliverUnacknowledgedMessages',
      command: { consumerId: 11, messageIds: [{ ledgerId: 300n, entryId: 9n }] },
    },
  },
  seek: {
    command: {
      type: 'seek',
      command: { consumerId: 11, requestId: 14, messageId: { ledgerId: 300n, entryId: 9n, ackSet: [3n, -1n] } },
    },
  },
  seekTime: {
    command: { type: 'seek', command: { consumerId: 11, requestId: 14, messagePublishTime: 1700000000000 } },
  },
  getLastMessageId: { command: { type: 'getLastMessageId', command: { consumerId: 11, requestId: 15 } } },
  getLastMessageIdResponse: {
    command: {
      type: 'getLastMessageIdResponse',
      command: {
        lastMessageId: { ledgerId: 300n, entryId: 9n, partition: 2, batchIndex: 4 },
        requestId: 15,
        consumerMarkDeletePosition: { ledgerId: 300n, entryId: 7n },
      },
    },
  },
  activeConsumerChange: { command: { type: 'activeConsumerChange', command: { consumerId: 11, isActive: true } } },
  reachedEndOfTopic: { command: { type: 'reachedEndOfTopic', command: { consumerId: 11 } } },
  unsubscribe: { command: { type: 'unsubscribe', command: { consumerId: 11, requestId: 16, force: true } } },
  closeConsumer: {
    command: {
      type: 'closeConsumer',
      command: { consumerId: 11, requestId: 17, assignedBrokerServiceUrl: 'pulsar://n:6650' },
    },
  },
  send: {
    command: { type: 'send', command: { producerId: 1, sequenceId: 7 } },
    entry: {
      metadata: {
        producerName: 'p',
        sequenceId: 7,
        publishTime: 1700000000000,
        properties: [{ key: 'k', value: 'v' }],
      },
      payload: Buffer.from('hello'),
    },
  },
  sendChunk: {
    command: { type: 'send', command: { producerId: 1, sequenceId: 7, isChunk: true } },
    entry: {
      metadata: {
        producerName: 'p',
        sequenceId: 7,
        publishTime: 1700000000000,
        properties: [{ key: 'k', value: 'v' }],
        uuid: 'p-7',
        numChunksFromMsg: 3,
        totalChunkMsgSize: 12,
        chunkId: 1,
      },
      payload: Buffer.from('ello'),
    },
  },
  sendBatch: {
    command: { type: 'send', command: { producerId: 1, sequenceId: 7, numMessages: 2, highestSequenceId: 8 } },
    entry: {
      metadata: {
        producerName: 'p',
        sequenceId: 7,
        publishTime: 1700000000000,
        properties: [{ key: 'k', value: 'v' }],
        numMessagesInBatch: 2,
        highestSequenceId: 8,
      },
      payload: Buffer.from('0000000a1204726f6f6d180340076f6e65000000110a060a016b120176180328053a016f400874776f', 'hex'),
    },
  },
  message: {
    command: {
      type: 'message',
      command: {
        consumerId: 11,
        messageId: { ledgerId: 300n, entryId: 9n, partition: 2 },
        redeliveryCount: 1,
        ackSet: [3n],
      },
    },
    entry: {
      metadata: {
        producerName: 'p',
        sequenceId: 7,
        publishTime: 1700000000000,
        properties: [{ key: 'k', value: 'v' }],
      },
      payload: Buffer.from('hello'),
    },
  },
};

const frames = new Map(
  readFileSync(new URL('./testdata/java-frames.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ') as [name: string, hex: string]),
);

describe('a frame of the Java client', () => {
  test('is there for all that is expected here, and the other way round', () => {
    assert.deepEqual([...frames.keys()].sort(), Object.keys(expected).sort());
  });

  for (const [name, golden] of Object.entries(expected)) {
    test(`${name}: says what Java was told to say, and is written the same here`, () => {
      const bytes = Buffer.from(frames.get(name) ?? '', 'hex');
      const parser = new FrameParser();
      parser.push(bytes);
      const frame = parser.next();
      assert.ok(frame !== undefined);
      assert.deepEqual(present(frame.command), golden.command);
      assert.equal(parser.next(), undefined);
      const writer = new ByteWriter(8);
      if (golden.entry === undefined) {
        assert.equal(frame.entry, undefined);
        encodeFrame(writer, golden.command);
      } else {
        const { metadata, payload } = golden.entry;
        const entry = decodeEntry(frame.entry ?? Buffer.alloc(0));
        assert.deepEqual(present(entry), { checksumOk: true, metadata, payload });
        encodePayloadFrame(writer, golden.command, metadata, payload);
      }
      // In CONNECT Java writes `auth_method_name` (5) ahead of `auth_data` (3), as the lines of its .proto are.
      if (name === 'connect') assert.equal(writer.length, bytes.length);
      else assert.equal(writer.view().toString('hex'), bytes.toString('hex'));
    });
  }
});
