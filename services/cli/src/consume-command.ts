import { PharosError } from '@pharos/errors';
import type { Consumer } from '@pharos/pulsar-client';
import type { Command } from './command.ts';
import { connecting, type Connection, connectionOptions, openConnection } from './connection.ts';
import { consume } from './consume.ts';
import { CliError } from './errors.ts';
import { oneOf, type ParsedOptions, positiveInteger, required } from './options.ts';
import { SignalStop } from './stop.ts';
import { Output, say, type Terminal } from './terminal.ts';

/** A batch is what came within so many milliseconds, or so many messages. */
const BATCH_TIMEOUT_MS = 100;
const BATCH_MAX_MESSAGES = 1000;

const TYPES = { exclusive: 'Exclusive', shared: 'Shared', failover: 'Failover' } as const;
const POSITIONS = { earliest: 'Earliest', latest: 'Latest' } as const;

export const consumeCommand: Command = {
  name: 'consume',
  usage: '[options]',
  summary: 'prints the messages of a topic',
  details: `Prints each message as "Received message: <text>" and acknowledges it once standard output took it. The subscription
is durable: the next run goes on where this one ended. A new subscription starts with what is published from then on, unless
--from earliest. Where the broker keeps count of whole batches only (acknowledgmentAtBatchIndexLevelEnabled is not set there), one
that a run ends in the middle of, by --count for instance, comes again from its beginning. On a terminal, control characters in messages are shown as \\x1b and the like; elsewhere bytes stay as
they are.

With --json, one object a line: topic, key, data (or b64data where the payload isn't UTF-8), properties, publishTime,
messageId, redeliveryCount.

Ends with status 0 at SIGINT, SIGTERM, after --count messages, or when the reader of its output has gone.`,
  options: [
    ...connectionOptions,
    { flag: 'subscription', value: '<name>', help: 'the subscription', fallback: 'pharos-consumer' },
    { flag: 'type', value: '<type>', help: 'exclusive, shared or failover', fallback: 'exclusive' },
    { flag: 'name', value: '<name>', help: "the consumer's name (default: one that is made up)" },
    {
      flag: 'from',
      value: '<position>',
      help: 'where a new subscription starts: earliest or latest',
      fallback: 'latest',
    },
    { flag: 'batch', help: 'receive in batches; their sizes go to standard error' },
    { flag: 'count', value: '<n>', help: 'end after so many messages (default: no end)' },
    { flag: 'json', help: 'print JSON lines' },
  ],
  run,
};

async function run(options: ParsedOptions, terminal: Terminal): Promise<number> {
  const count = positiveInteger(options, 'count');
  const settings: Subscription = {
    subscription: required(options, 'subscription'),
    type: oneOf(options, 'type', ['exclusive', 'shared', 'failover']),
    from: oneOf(options, 'from', ['earliest', 'latest']),
    name: options.text('name'),
    count,
  };
  const connection = openConnection(options, terminal);
  try {
    const consumer = await connecting(connect(connection, settings), connection, terminal);
    const stop = new SignalStop(() => undefined);
    try {
      await consume(consumer, new Output(terminal.stdout), stop, {
        json: options.isSet('json'),
        terminal: terminal.stdout.isTTY === true,
        batch: options.isSet('batch'),
        count,
        onBatch: (size) => say(terminal, `batch of ${size}`),
      });
    } finally {
      stop.dispose();
    }
    return 0;
  } finally {
    await connection.client.close();
  }
}

interface Subscription {
  readonly subscription: string;
  readonly type: keyof typeof TYPES;
  readonly from: keyof typeof POSITIONS;
  readonly name: string | undefined;
  readonly count: number | undefined;
}

async function connect({ client, topic }: Connection, settings: Subscription): Promise<Consumer> {
  const { subscription, type, from, name, count = BATCH_MAX_MESSAGES } = settings;
  try {
    return await client.subscribe({
      topic,
      subscription,
      subscriptionType: TYPES[type],
      subscriptionInitialPosition: POSITIONS[from],
      ...(name === undefined ? {} : { consumerName: name }),
      // A run that ends in the middle of a batch goes on there the next time.
      batchIndexAckEnabled: true,
      batchReceivePolicy: { maxNumMessages: Math.min(count, BATCH_MAX_MESSAGES), timeoutMs: BATCH_TIMEOUT_MS },
    });
  } catch (error) {
    if (!(error instanceof PharosError) || error.code !== 'ConsumerBusy') throw error;
    const message =
      `subscription ${subscription} of ${topic} is in use by another consumer and ${type} allows only one; ` +
      'end that one, or choose another with --subscription, or --type shared or failover for all of them';
    throw new CliError('subscription-in-use', message, { cause: error });
  }
}
