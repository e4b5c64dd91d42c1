// Hot path: every entry that is published is made here.
import { ByteWriter } from '@pharos/bytes';
import { compressionCodec } from '../compression/compression.ts';
import { PulsarError } from '../errors.ts';
import { appendToBatch, encodePayloadFrame, type MessageMetadata } from '../wire/index.ts';
import { batchesByKey } from './key-batches.ts';
import { Outcomes } from './outcomes.ts';
import { commonMetadata, keysOf, type Outgoing, SingleMetadata } from './outgoing.ts';
import type { PendingEntry } from './pending.ts';
import type { ProducerMessage } from './producer-config.ts';

export interface FrameContext {
  readonly producerId: number;
  readonly producerName: string;
  /** Number of `MessageMetadata.compression`. */
  readonly compression: number;
  /** What the broker takes in one entry. */
  readonly maxMessageBytes: number;
}

/** Messages as entries, and those that can be none. */
export interface Framed {
  readonly entries: readonly PendingEntry[];
  readonly refused: readonly { readonly outcomes: Outcomes; readonly error: PulsarError }[];
}

/** Sizes, checksum and command around an entry: what a frame holds beside metadata and payload, at most. */
const frameExtraBytes = 128;

/** Makes SEND frames, which stay as they are until they are acknowledged. */
export class FrameBuilder {
  readonly #batch = new ByteWriter(64 * 1024);
  readonly #single = new SingleMetadata();

  /** Messages as one batch, or as one for each key where `keyed`; each on its own where that is more than the broker takes. */
  entries(context: FrameContext, messages: readonly Outgoing[], keyed: boolean): Framed {
    try {
      const batches = keyed ? batchesByKey(messages) : [messages];
      return { entries: batches.map((batch) => this.#entry(context, batch, keyed)), refused: [] };
    } catch (error) {
      if (!(error instanceof PulsarError)) throw error;
      if (messages.length === 1) return { entries: [], refused: [{ outcomes: new Outcomes(messages), error }] };
      // Metadata made a batch too large; each message may still fit. All go alone: in their order.
      const alone = messages.map((message) => this.entries(context, [message], keyed));
      return {
        entries: alone.flatMap(({ entries }) => entries),
        refused: alone.flatMap(({ refused }) => refused),
      };
    }
  }

  /** Messages as an entry; several are a batch, of one key where `keyed`. @throws PulsarError `MessageTooBig` */
  #entry(context: FrameContext, messages: readonly Outgoing[], keyed: boolean): PendingEntry {
    const [first] = messages;
    if (first === undefined) throw new RangeError('an entry of no messages');
    const frame = messages.length === 1 ? this.single(context, first) : this.batch(context, messages, keyed);
    const last = messages.at(-1) ?? first;
    return {
      frame,
      sequenceId: (keyed ? last : first).sequenceId,
      lastSequenceId: last.sequenceId,
      ownSequenceId: first.message.sequenceId !== undefined,
      outcomes: new Outcomes(messages),
      sentAt: first.sentAt,
      writes: 0,
      lostWrites: 0,
      damaged: 0,
      refusal: undefined,
    };
  }

  /** One message as an entry of its own. @throws PulsarError `MessageTooBig` */
  single(context: FrameContext, outgoing: Outgoing): Buffer {
    const { message, sequenceId } = outgoing;
    const metadata = { ...commonMetadata(message), ...aloneMetadata(message) };
    return this.#frame(context, metadata, message.data, { sequenceId, highest: undefined, count: undefined });
  }

  /** A batch, of one key where `keyed`. @throws PulsarError `MessageTooBig` */
  batch(context: FrameContext, messages: readonly Outgoing[], keyed: boolean): Buffer {
    const [first] = messages;
    const last = messages.at(-1);
    if (first === undefined || last === undefined) throw new RangeError('a batch of no messages');
    this.#batch.reset();
    for (const outgoing of messages) appendToBatch(this.#batch, this.#single.of(outgoing), outgoing.message.data);
    // Between the sequence ids of one key are those of others: so no range, but the last alone.
    const highest = keyed ? undefined : last.sequenceId;
    const metadata = {
      ...(keyed ? keysOf(last.message) : {}),
      numMessagesInBatch: messages.length,
      highestSequenceId: highest,
    };
    const numbers = { sequenceId: (keyed ? last : first).sequenceId, highest, count: messages.length };
    return this.#frame(context, metadata, this.#batch.view(), numbers);
  }

  #frame(
    context: FrameContext,
    own: Partial<MessageMetadata>,
    plain: Buffer,
    numbers: { readonly sequenceId: number; readonly highest: number | undefined; readonly count: number | undefined },
  ): Buffer {
    const { sequenceId, highest, count } = numbers;
    // C++ clients, and Python's with them, throw a compressed message of no bytes away as damaged.
    const codec = plain.length === 0 ? undefined : compressionCodec(context.compression);
    // Consumers bound what an entry may become by the same number.
    mustFit(plain.length, context);
    const payload = codec === undefined ? plain : codec.compress(plain);
    const compressed = codec === undefined ? {} : { compression: context.compression, uncompressedSize: plain.length };
    const metadata: MessageMetadata = {
      producerName: context.producerName,
      sequenceId,
      publishTime: Date.now(),
      ...own,
      ...compressed,
    };
    mustFit(payload.length, context);
    const writer = new ByteWriter(payload.length + 512);
    const command = { producerId: context.producerId, sequenceId, numMessages: count, highestSequenceId: highest };
    encodePayloadFrame(writer, { type: 'send', command }, metadata, payload);
    mustFit(writer.length - frameExtraBytes, context);
    return writer.view();
  }
}

function mustFit(bytes: number, { maxMessageBytes }: FrameContext): void {
  if (bytes <= maxMessageBytes) return;
  throw new PulsarError(
    'MessageTooBig',
    `the message has ${bytes} bytes with its metadata, the broker takes ${maxMessageBytes}`,
  );
}

function aloneMetadata(message: ProducerMessage): Partial<MessageMetadata> {
  const { deliverAt, deliverAfter, replicationClusters, disableReplication } = message;
  return {
    deliverAtTime: deliverAt ?? (deliverAfter === undefined ? undefined : Date.now() + deliverAfter),
    // The broker's name for "nowhere".
    replicateTo: disableReplication === true ? ['__local__'] : replicationClusters,
  };
}
