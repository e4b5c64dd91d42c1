import { isMarker, messageText, type ReceivedMessage, type TextOptions } from './message-text.ts';
import type { Stop } from './stop.ts';
import type { Output } from './terminal.ts';

/** What this command needs of a Pulsar consumer; closing it ends a receive that waits. */
export interface MessageConsumer<M extends ReceivedMessage = ReceivedMessage> {
  receive(): Promise<M>;
  batchReceive(): Promise<M[]>;
  acknowledge(message: M): Promise<unknown>;
  close(): Promise<unknown>;
}

export interface ConsumeOptions extends TextOptions {
  readonly batch: boolean;
  /** Ends after so many messages. @default no end */
  readonly count?: number | undefined;
  /** Told of the size of each batch. */
  readonly onBatch: (size: number) => void;
}

/** Why a run ended: what was asked for has come, there was a signal, or nobody reads the output any more. */
export type ConsumeEnd = 'count' | 'signal' | 'output-closed';

/**
 * Prints messages until the count is reached, a signal comes or the reader of the output has gone. A message is
 * acknowledged when the output took it, not before: what is killed in between comes again.
 *
 * Closes the consumer, which also sends the acknowledgements that are still to be sent.
 */
export async function consume<M extends ReceivedMessage>(
  consumer: MessageConsumer<M>,
  output: Output,
  stop: Stop,
  options: ConsumeOptions,
): Promise<ConsumeEnd> {
  let end: ConsumeEnd;
  try {
    end = await printAll(consumer, output, stop, options);
  } catch (error) {
    await consumer.close().catch(() => undefined); // The first failure is the one to tell of.
    throw error;
  }
  await consumer.close();
  return end;
}

async function printAll<M extends ReceivedMessage>(
  consumer: MessageConsumer<M>,
  output: Output,
  stop: Stop,
  options: ConsumeOptions,
): Promise<ConsumeEnd> {
  let left = options.count ?? Number.POSITIVE_INFINITY;
  while (left > 0) {
    const messages = await receive(consumer, stop, options.batch);
    if (messages === undefined) return 'signal';
    const texts = messages.filter((message) => !isMarker(message)).slice(0, left);
    if (texts.length > 0) {
      if (options.batch) options.onBatch(texts.length);
      if (!(await output.write(Buffer.concat(texts.map((message) => messageText(message, options))))))
        return 'output-closed';
      left -= texts.length;
    }
    // Of a batch that goes past the count, what wasn't printed stays unacknowledged and comes again to the next consumer.
    const last = left > 0 ? undefined : texts.at(-1);
    const done = last === undefined ? messages : messages.slice(0, messages.indexOf(last) + 1);
    await Promise.all(done.map((message) => consumer.acknowledge(message)));
  }
  return 'count';
}

/** The next messages; undefined where a signal came. Only the wait is cut short: what is being printed is acknowledged first. */
async function receive<M extends ReceivedMessage>(
  consumer: MessageConsumer<M>,
  stop: Stop,
  batch: boolean,
): Promise<M[] | undefined> {
  if (stop.isRequested()) return undefined;
  const forget = stop.onStop(() => {
    consumer.close().catch(() => undefined); // Ends the wait; whether it failed is learnt when `consume` closes.
  });
  try {
    const messages = batch ? await consumer.batchReceive() : [await consumer.receive()];
    // What came in the same moment as the signal isn't printed; unacknowledged, it comes again.
    return !stop.isRequested() ? messages : undefined;
  } catch (error) {
    if (stop.isRequested()) return undefined;
    throw error;
  } finally {
    forget();
  }
}
