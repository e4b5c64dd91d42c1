import {
  type ChannelRef,
  type Encoding,
  ProtobufPublicationFrameBuilder,
  PublicationFrameBuilder,
  protobufPublicationPrefix,
  publicationPrefix,
  type RawData,
} from '@pharos/client-protocol';

import type { FrameBuilder, PublicationView } from './publication-view.ts';

/** Builders that grew beyond this by one large publication are let go rather than kept. */
const maxKeptBytes = 256 * 1024;
const maxKept = 64;

/**
 * Frame builders between their uses, for all channels of an edge: a channel needs one only between two flushes, so an
 * edge with many channels has as many as are in use at once.
 */
export class BuilderPool {
  readonly #free: Record<Encoding, FrameBuilder[]> = { json: [], protobuf: [] };

  take(encoding: Encoding): FrameBuilder {
    const builder = this.#free[encoding].pop();
    if (builder !== undefined) return builder;
    return encoding === 'json' ? new PublicationFrameBuilder() : new ProtobufPublicationFrameBuilder();
  }

  give(encoding: Encoding, builder: FrameBuilder): void {
    const free = this.#free[encoding];
    if (free.length < maxKept && builder.length <= maxKeptBytes) free.push(builder.reset());
  }
}

/** What of one channel waits to go out as one frame of one encoding. */
export class ChannelPack {
  readonly encoding: Encoding;
  readonly #prefix: Buffer;
  #builder: FrameBuilder | undefined;

  constructor(ref: ChannelRef, encoding: Encoding) {
    this.encoding = encoding;
    this.#prefix = encoding === 'json' ? publicationPrefix(ref) : protobufPublicationPrefix(ref);
  }

  get count(): number {
    return this.#builder?.count ?? 0;
  }

  get bytes(): number {
    return this.#builder?.length ?? 0;
  }

  add(publication: PublicationView, pool: BuilderPool): void {
    this.#builder ??= pool.take(this.encoding);
    publication.appendTo(this.#builder, this.#prefix);
  }

  /** The publication with other data: a delta, or as a JSON string. */
  addAs(publication: PublicationView, data: RawData, isDelta: boolean, pool: BuilderPool): void {
    this.#builder ??= pool.take(this.encoding);
    publication.appendAs(this.#builder, this.#prefix, data, isDelta);
  }

  /** A message that is encoded already. */
  addMessage(message: Buffer, pool: BuilderPool): void {
    this.#builder ??= pool.take(this.encoding);
    this.#builder.appendMessage(message);
  }

  /** Hands the frame to `send`, which must not keep it, and is empty afterwards. */
  flush(pool: BuilderPool, send: (frame: Buffer, count: number) => void): void {
    const builder = this.#builder;
    if (builder === undefined) return;
    this.#builder = undefined;
    send(builder.view(), builder.count);
    pool.give(this.encoding, builder);
  }
}
