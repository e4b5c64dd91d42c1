import { PublicationFrameBuilder, publicationPrefix } from '@pharos/client-protocol';

import type { PublicationView } from './publication-view.ts';

/** Builders that grew beyond this by one large publication are let go rather than kept. */
const maxKeptBytes = 256 * 1024;
const maxKept = 64;

/**
 * Frame builders between their uses, for all channels of an edge: a channel needs one only between two flushes, so an
 * edge with many channels has as many as are in use at once.
 */
export class BuilderPool {
  readonly #free: PublicationFrameBuilder[] = [];

  take(): PublicationFrameBuilder {
    return this.#free.pop() ?? new PublicationFrameBuilder();
  }

  give(builder: PublicationFrameBuilder): void {
    if (this.#free.length < maxKept && builder.length <= maxKeptBytes) this.#free.push(builder.reset());
  }
}

/** What of one channel waits to go out as one frame. */
export class ChannelPack {
  readonly #prefix: Buffer;
  #builder: PublicationFrameBuilder | undefined;

  constructor(channel: string) {
    this.#prefix = publicationPrefix({ channel });
  }

  get count(): number {
    return this.#builder?.count ?? 0;
  }

  get bytes(): number {
    return this.#builder?.length ?? 0;
  }

  add(publication: PublicationView, pool: BuilderPool): void {
    this.#builder ??= pool.take();
    publication.appendTo(this.#builder, this.#prefix);
  }

  /** A message that is encoded already. */
  addMessage(message: Buffer, pool: BuilderPool): void {
    this.#builder ??= pool.take();
    this.#builder.appendMessage(message);
  }

  /** Hands the frame to `send`, which must not keep it, and is empty afterwards. */
  flush(pool: BuilderPool, send: (frame: Buffer, count: number) => void): void {
    const builder = this.#builder;
    if (builder === undefined) return;
    this.#builder = undefined;
    send(builder.view(), builder.count);
    pool.give(builder);
  }
}
