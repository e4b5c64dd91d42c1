import { PharosError } from '@pharos/errors';
import type { Producer } from '@pharos/pulsar-client';
import type { Command } from './command.ts';
import { connecting, type Connection, connectionOptions, openConnection } from './connection.ts';
import { CliError } from './errors.ts';
import { type ParsedOptions, positiveNumber, required } from './options.ts';
import { LineSender, MAX_PENDING_MESSAGES } from './produce.ts';
import { Progress } from './progress.ts';
import { SignalStop } from './stop.ts';
import { say, type Terminal } from './terminal.ts';

export const produceCommand: Command = {
  name: 'produce',
  usage: '[options] < lines',
  summary: 'each line of standard input becomes a message',
  details: `Sends each line of standard input as one message, without its line end (LF or CRLF); an empty line is an empty
message. Input is read no faster than the broker acknowledges. Rate and count go to standard error.

Ends with status 0 when every line was acknowledged; else with 1 and the first line that was not. At SIGINT or SIGTERM it
stops reading, waits for what it has sent, says how much was acknowledged, and ends with 130 or 143.`,
  options: [
    ...connectionOptions,
    {
      flag: 'name',
      value: '<name>',
      help: "the producer's name; one producer of a name at a time",
      fallback: 'pharos-producer-1',
    },
    { flag: 'key', value: '<key>', help: 'partition key of every message: the channel, in Pharos (default: none)' },
    {
      flag: 'send-timeout',
      value: '<seconds>',
      help: 'how long a line may wait for its acknowledgement: longer than the broker may be away',
      fallback: '30',
    },
    { flag: 'rate', value: '<lines/s>', help: 'pace the lines evenly (default: as fast as they are acknowledged)' },
  ],
  run,
};

async function run(options: ParsedOptions, terminal: Terminal): Promise<number> {
  const name = required(options, 'name');
  const ratePerSecond = positiveNumber(options, 'rate');
  const key = options.text('key');
  const sendTimeoutMs = Math.ceil((positiveNumber(options, 'send-timeout') ?? 0) * 1000);
  const connection = openConnection(options, terminal);
  try {
    const producer = await connecting(connect(connection, name, sendTimeoutMs), connection, terminal);
    return await send(producer, { key, ratePerSecond }, terminal);
  } finally {
    await connection.client.close();
  }
}

async function send(
  producer: Producer,
  options: { readonly key: string | undefined; readonly ratePerSecond: number | undefined },
  terminal: Terminal,
): Promise<number> {
  const stop = new SignalStop(() => say(terminal, summary(sender, progress)));
  const sender = new LineSender(producer, stop, options);
  const progress = new Progress(
    () => sender.acknowledged,
    (text) => say(terminal, text),
  );
  // Whoever types the lines needs no count of them.
  if (terminal.stdin.isTTY !== true) progress.start();
  try {
    await sender.sendAll(terminal.stdin);
  } finally {
    progress.stop();
    stop.dispose();
    say(terminal, summary(sender, progress));
  }
  return stop.exitStatus;
}

function summary(sender: LineSender, progress: Progress): string {
  return `${sender.acknowledged} of ${sender.sent} lines acknowledged ${progress.summary()}`;
}

async function connect({ client, topic }: Connection, name: string, sendTimeoutMs: number): Promise<Producer> {
  try {
    return await client.createProducer({
      topic,
      producerName: name,
      maxPendingMessages: MAX_PENDING_MESSAGES,
      blockIfQueueFull: true,
      sendTimeoutMs,
      // Lines that come one by one are to be seen at once; under load the window fills batches anyway.
      batchingMaxPublishDelayMs: 1,
    });
  } catch (error) {
    if (!(error instanceof PharosError) || error.code !== 'ProducerBusy') throw error;
    const message = `another producer named ${name} is connected to ${topic}; choose another name with --name`;
    throw new CliError('name-in-use', message, { cause: error });
  }
}
